import { afterEach, expect, it } from "vitest";
import { migrate } from "../results/migrate.ts";
import { freshDatabase } from "../testing/services.ts";
import { Leader, runAsLeader } from "./leader.ts";

const open: Leader[] = [];
afterEach(() => {
  for (const leader of open.splice(0)) leader.close();
});

/** Leaders of one database, each as of another replica. */
async function setup() {
  const { url } = await freshDatabase();
  await migrate(url);
  const leader = (name = "upkeep"): Leader => {
    const one = new Leader({ databaseUrl: url, name, timeoutMs: 5_000 });
    open.push(one);
    return one;
  };
  return { url, leader };
}

it("has one leader for each name", async () => {
  const { leader } = await setup();
  const [one, two, other] = [leader(), leader(), leader("something else")];
  expect(await Promise.all([one.lead(), other.lead()])).toEqual(["new", "new"]);
  expect([await two.lead(), await one.lead()]).toEqual(["no", "leads"]);
});

it("leads for one step, unless another replica leads or is in a step", async () => {
  const { leader } = await setup();
  const [one, two] = [leader(), leader()];
  const answers = await one.step(async () => [await two.step(() => Promise.resolve("two")), await two.lead()]);
  expect(answers).toEqual([undefined, "no"]);
  expect(await two.step(() => Promise.resolve("two"))).toBe("two");
  expect(await two.lead()).toBe("new");
  expect(await one.step(() => Promise.resolve("one"))).toBeUndefined();
});

it("rolls a step back that fails, and takes the next", async () => {
  const { leader } = await setup();
  const one = leader();
  await expect(one.step((client) => client.query("create table half_done (); select 1 / 0"))).rejects.toThrow(/zero/);
  const rows = await one.query("select to_regclass('half_done') as found", []);
  expect(rows).toEqual([{ found: null }]);
  expect(await one.step(() => Promise.resolve("again"))).toBe("again");
});

it("ends a task with its signal, and takes no call after its close", async () => {
  const { url, leader } = await setup();
  const closing = new AbortController();
  const sleeping = runAsLeader({ databaseUrl: url, name: "upkeep", signal: closing.signal }, (task) =>
    task.step((client) => {
      const sleep = client.query("select pg_sleep(60)");
      closing.abort();
      return sleep;
    }),
  );
  await expect(sleeping).rejects.toThrow();
  await expect(runAsLeader({ databaseUrl: url, name: "upkeep", signal: closing.signal }, fail)).rejects.toThrow(
    /abort/,
  );
  const one = leader();
  one.close();
  await expect(one.lead()).rejects.toThrow(/shutting down/);
});

function fail(): Promise<never> {
  return Promise.reject(new Error("the task ran"));
}
