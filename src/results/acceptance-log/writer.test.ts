import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { DAY_MS } from "../../core/time.ts";
import { idAt } from "../../testing/outcomes.ts";
import { submission } from "../../testing/queue.ts";
import { freshDatabase, ownPostgres } from "../../testing/services.ts";
import { TcpProxy } from "../../testing/tcp-proxy.ts";
import { until } from "../../testing/until.ts";
import { migrate } from "../migrate.ts";
import { AcceptanceLogReader } from "./reader.ts";
import type { Acceptance, Accepted } from "./writer.ts";
import { ACCEPT_TIMEOUT_MS, AcceptanceLogWriter } from "./writer.ts";

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

function writerOn(databaseUrl: string) {
  const logged: string[] = [];
  const note = (_fields: object, message: string): number => logged.push(message);
  const acceptanceLogWriter = new AcceptanceLogWriter({
    databaseUrl,
    namespace: "taskflow:0",
    log: { info: note, warn: note, error: note },
  });
  open.push(acceptanceLogWriter);
  const accept = (acceptance: Acceptance): Promise<Accepted> =>
    new Promise((resolve) => acceptanceLogWriter.accept(acceptance, resolve));
  return { acceptanceLogWriter, accept, logged };
}

async function setup() {
  const { url } = await freshDatabase();
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  open.push({ close: () => client.end() });
  const ids = async (): Promise<string[]> =>
    (await client.query<{ id: string }>("select id from accepted order by id")).rows.map(({ id }) => id);
  return { url, client, ids, ...writerOn(url) };
}

const one = (id = idAt(Date.now())): Acceptance => ({ jobs: [{ id, submission: submission() }] });
const keyed = (key: string, fingerprint: string, ttlMs = 60_000): Acceptance & { readonly firstId: string } => {
  const firstId = idAt(Date.now());
  return { ...one(firstId), idempotency: { key, fingerprint, ttlMs, firstId }, firstId };
};
const errorOf = (answer: Accepted): string => (answer.kind === "failed" ? answer.error.code : answer.kind);

/** Waits until a COPY of the writer waits for a lock. */
const copyWaits = (client: pg.Client): Promise<unknown> =>
  until(
    async () =>
      (await client.query("select from pg_locks where not granted and relation = 'accepted'::regclass")).rowCount,
    { what: "a COPY waits" },
  );

describe("an accepted submission", () => {
  it("is committed unchanged, whatever it contains, in the partition of its day", async () => {
    const { url, accept } = await setup();
    const given = submission({
      payload: String.raw`{"a\tb":"\\N \u0000 \ud800","ü":"\n"}`,
      groupKey: "a|b\\\té",
      priority: 0,
      options: { durability: "postgres", run_at: 5, tags: [String.raw`\.`, "x"], callback_url: "https://a.example/\\" },
    });
    const ids = [Date.now(), Date.now() - 40 * DAY_MS, Date.UTC(2019, 0, 1)].map(idAt);
    expect(await accept({ jobs: ids.map((id) => ({ id, submission: given })) })).toEqual({ kind: "committed" });
    const store = new AcceptanceLogReader(url, "taskflow:0");
    open.push(store);
    expect(await store.read(ids)).toEqual(ids.toSorted().map((id) => ({ id, submission: given })));
  });

  it("is committed in few COPYs, however many arrive at once", async () => {
    const { accept, client, ids } = await setup();
    await accept(one());
    const before = await client.query<{ n: string }>("select pg_current_xact_id()::text as n");
    const acceptances = Array.from({ length: 2_000 }, () => one());
    const answers = await Promise.all(acceptances.map(accept));
    expect(new Set(answers.map(errorOf))).toEqual(new Set(["committed"]));
    const after = await client.query<{ n: string }>("select pg_current_xact_id()::text as n");
    expect(Number(after.rows[0]?.n) - Number(before.rows[0]?.n)).toBeLessThan(20);
    expect(await ids()).toHaveLength(2_001);
  });
});

describe("a row that is there already", () => {
  it("counts as committed, and does not delay its batch", async () => {
    const { accept, ids } = await setup();
    const [repeat, twice, bystander] = [one(), one(), one()];
    const withKey = keyed("k", "body");
    await accept(repeat);
    const answers = await Promise.all([repeat, twice, twice, bystander, withKey].map(accept));
    expect(new Set(answers.map(errorOf))).toEqual(new Set(["committed"]));
    expect(await ids()).toEqual(
      [repeat, twice, bystander, withKey].flatMap(({ jobs }) => jobs.map(({ id }) => id)).toSorted(),
    );
    expect(await accept(keyed("k", "body"))).toEqual({ kind: "known", firstId: withKey.firstId, isSameBody: true });
  });
});

describe("an Idempotency-Key", () => {
  it("belongs to one of the concurrent submissions, on any replica", async () => {
    const { url, accept, ids } = await setup();
    const other = writerOn(url);
    const acceptances = Array.from({ length: 60 }, (_, i) => keyed(`key${i % 3}`, "body"));
    const answers = await Promise.all(acceptances.map((acceptance, i) => (i % 2 ? accept : other.accept)(acceptance)));
    const winners = acceptances.filter((_, i) => answers[i]?.kind === "committed").map(({ firstId }) => firstId);
    expect(winners).toHaveLength(3);
    expect(await ids()).toEqual(winners.toSorted());
    const reported = answers.flatMap((answer) => (answer.kind === "known" ? [answer] : []));
    expect(reported).toHaveLength(57);
    expect(reported.every(({ firstId, isSameBody }) => isSameBody && winners.includes(firstId))).toBe(true);
  });

  it("recognises another body, and is free again when it expires", async () => {
    const { accept, ids } = await setup();
    const [first, other, late] = [keyed("k", "body", 300), keyed("k", "another"), keyed("k", "another")];
    expect(await accept(first)).toEqual({ kind: "committed" });
    expect(await accept(other)).toEqual({ kind: "known", firstId: first.firstId, isSameBody: false });
    await until(async () => (await accept(late)).kind === "committed", { what: "the key has expired" });
    expect(await ids()).toEqual([first.firstId, late.firstId]);
  });

  it("finds its partition as well", async () => {
    const { accept, ids } = await setup();
    const id = idAt(Date.UTC(2018, 5, 5));
    expect(
      await accept({ ...one(id), idempotency: { key: "k", fingerprint: "f", ttlMs: 1_000, firstId: id } }),
    ).toEqual({ kind: "committed" });
    expect(await ids()).toEqual([id]);
  });
});

describe("without Postgres", () => {
  it("a submission is rejected at once, and accepted again afterwards", async () => {
    const postgres = await ownPostgres();
    await migrate(postgres.address);
    const { accept, logged } = writerOn(postgres.address);
    expect(errorOf(await accept(one()))).toBe("committed");
    await postgres.stop();
    // the first may meet the dying connection
    await until(async () => errorOf(await accept(one())) === "store_unavailable", { what: "it is rejected" });
    const startedAt = performance.now();
    const answers = await Promise.all([accept(one()), accept(one())]);
    expect(answers).toMatchObject([
      { error: { code: "store_unavailable", status: 503, retryAfterMs: 2_000 } },
      { kind: "failed" },
    ]);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await postgres.restart();
    expect(errorOf(await accept(one()))).toBe("committed");
    expect(logged.at(-1)).toBe("Postgres takes submissions again");
  });

  it("that does not answer, it gets the answer in time that nothing was changed", async () => {
    const { url } = await setup();
    const proxy = await TcpProxy.start(Number(new URL(url).port));
    open.push(proxy);
    proxy.setMode({ kind: "black-hole" });
    const startedAt = performance.now();
    expect(errorOf(await writerOn(proxy.before(url)).accept(one()))).toBe("store_unavailable");
    expect(performance.now() - startedAt).toBeLessThan(ACCEPT_TIMEOUT_MS + 1_000);
  });

  it("memory is bounded", async () => {
    const { acceptanceLogWriter, accept } = writerOn("postgres://x@127.0.0.1:1/x");
    const huge = accept({ jobs: [{ id: idAt(0), submission: submission({ payload: "x".repeat(65 * 1024 * 1024) }) }] });
    expect(await accept(one())).toMatchObject({
      error: { code: "store_unavailable", message: expect.stringContaining("too many submissions wait") as string },
    });
    expect(errorOf(await huge)).toBe("store_unavailable");
    await acceptanceLogWriter.close();
    expect(errorOf(await accept(one()))).toBe("store_unavailable");
  });
});

describe("a COPY that does not end", () => {
  it("leaves the outcome open for those in it, and not for those behind it", async () => {
    const { client, accept, ids } = await setup();
    await client.query("begin");
    await client.query("lock table accepted in exclusive mode");
    const first = accept(one());
    await copyWaits(client);
    const startedAt = performance.now();
    const second = accept(one());
    expect(errorOf(await first)).toBe("outcome_unknown");
    expect(errorOf(await second)).toMatch(/^(store_unavailable|outcome_unknown)$/); // its own COPY may have begun
    expect(performance.now() - startedAt).toBeLessThan(ACCEPT_TIMEOUT_MS + 1_000);
    await client.query("rollback");
    await until(async () => (await accept(one())).kind === "committed", { what: "it is accepted again" });
    expect((await ids()).length).toBeGreaterThan(0);
  });

  it("because its backend was killed leaves the outcome open", async () => {
    const { client, accept } = await setup();
    await client.query("begin");
    await client.query("lock table accepted in exclusive mode");
    const first = accept(one());
    await copyWaits(client);
    await client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'taskflow-acceptor' and datname = current_database()",
    );
    expect(errorOf(await first)).toBe("outcome_unknown");
    await client.query("rollback");
  });

  it("because Postgres rejects it changes nothing", async () => {
    const { client, accept } = await setup();
    await client.query("alter table accepted rename to accepted_away");
    expect(errorOf(await accept(one()))).toBe("store_unavailable");
  });
});
