import { expect, it } from "vitest";
import { Audit } from "../queue/audit.ts";
import { indexing } from "../testing/indexed-jobs.ts";
import { enqueue, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import { until } from "../testing/until.ts";
import { stillUnindexed, unindexedJobs } from "./index-check.ts";

const setup = setUpQueues();
const NS = "{taskflow:0}:";
const names = { groupKey: "g", options: { tags: ["x", "y"] } };

it("finds live jobs that the index lacks under a tag or their group, if it should be complete", async () => {
  const { redis, address } = setup();
  await enqueue(await setup().replica(), submission(names));
  await redis.del(`${NS}index`); // as a replica of an earlier version enqueues the job
  const queue = await indexing(setup());
  const from = Number(await redis.hget(`${NS}indexed`, "from"));
  await until(() => queue.clock.now() >= from, { what: "the time from which on the index is complete" });
  const some = [submission(names), submission(names), submission(names), submission()];
  const [one = "", other = "", complete = ""] = await enqueue(queue, ...some);
  const audit = new Audit(address, "taskflow:0");
  try {
    await audit.open(10_000);
    expect([...(await unindexedJobs(audit)).values()]).toEqual([]);
    await redis.zrem(`${NS}index`, `tx\0${one}`, `gg\0${other}`, `ty\0${other}`);
    await redis.zadd(`${NS}index`, 0, `tx\0${queue.ids.next()}`); // of a job that is gone
    const found = await unindexedJobs(audit);
    const textOf = (count: string): unknown => expect.stringContaining(`the index lacks ${count} of its names`);
    expect(new Set(found.values())).toEqual(
      new Set([
        { kind: "not_indexed", id: one, text: textOf("one") },
        { kind: "not_indexed", id: other, text: textOf("2") },
      ]),
    );
    await redis.zadd(`${NS}index`, 0, `tx\0${one}`);
    expect([...(await stillUnindexed(audit, found)).values()]).toMatchObject([{ id: other }]);
    expect(complete).not.toBe("");
    await redis.hset(`${NS}indexed`, "until", "1"); // no replica maintains the index
    expect((await unindexedJobs(audit)).size).toBe(0);
  } finally {
    audit.close();
  }
});
