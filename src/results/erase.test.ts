import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeSubmission } from "../core/packed-job.ts";
import { idAt, outcomeWith } from "../testing/outcomes.ts";
import { submission } from "../testing/queue.ts";
import { freshDatabase } from "../testing/services.ts";
import { AcceptedConnection } from "./acceptance-log/connection.ts";
import { addAcceptedPartitions } from "./acceptance-log/partitions.ts";
import { migrate } from "./migrate.ts";
import { RecorderConnection } from "./recorder/connection.ts";
import { Store } from "./store.ts";

const NOW = Date.now();
const SECRET = "s3cret";
const FLOW = { id: idAt(NOW), at: 1, node: "mail" };
let url: string;
let store: Store;
let client: pg.Client;

beforeAll(async () => {
  ({ url } = await freshDatabase());
  await migrate(url);
  store = new Store(url);
  client = new pg.Client({ connectionString: url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await store.close();
});

/** A job whose every text has the secret, and NUL characters that `->` of Postgres cannot read. */
function secretJob() {
  const error = { code: "timeout", message: `${SECRET}\0`, attempt: 2 };
  return outcomeWith({
    job: {
      id: idAt(NOW),
      payload: JSON.stringify({ to: SECRET }),
      groupKey: "g",
      options: {
        tags: ["t"],
        expires_at: NOW,
        callback_url: `https://${SECRET}.example.org`,
        api_key: "0123456789abcdef",
        flow: FLOW,
        template: JSON.stringify({ to: SECRET, body: { $ref: "a/result" } }),
      },
    },
    status: "failed",
    result: JSON.stringify(SECRET),
    error,
    attempt: 2,
    records: [
      JSON.stringify({
        attempt: 1,
        outcome: "retry",
        worker: "w",
        started_at: 1,
        finished_at: 2,
        error,
        next_at: 3,
        log: [`${SECRET}\0`],
        state: SECRET,
        thread: 4,
        waits_for_turn: true,
      }),
    ],
  });
}

async function save(...batch: Parameters<RecorderConnection["copy"]>[0]): Promise<void> {
  const connection = new RecorderConnection(url, 5_000);
  await connection.copy(batch);
  connection.cut();
}

const rowOf = async (id: string): Promise<string> =>
  (await client.query<{ row: string }>("select jobs::text as row from jobs where id = $1", [id])).rows[0]?.row ?? "";

describe("erase", () => {
  it("removes all contents of a job, and keeps the row", async () => {
    const outcome = secretJob();
    const { id } = outcome.job;
    await save(outcome);
    const before = await store.get(id);
    const missing = idAt(NOW);
    expect(await store.erase([missing, id], NOW + 5)).toEqual([id]);
    expect(await store.get(id)).toEqual({
      ...before,
      hasCallback: false, // its URL is erased, too
      payload: "null",
      result: null,
      error: { code: "timeout", message: "", attempt: 2 },
      erased_at: NOW + 5,
    });
    expect((await store.attempts(id)).map((record) => JSON.parse(record) as unknown)).toEqual([
      {
        attempt: 1,
        outcome: "retry",
        worker: "w",
        started_at: 1,
        finished_at: 2,
        error: { code: "timeout", message: "", attempt: 2 },
        next_at: 3,
        thread: 4,
        waits_for_turn: true,
      },
    ]);
    expect(await store.options(id)).toEqual({ expires_at: NOW, api_key: "0123456789abcdef", flow: FLOW });
    expect(await rowOf(id)).not.toContain(SECRET);
  });

  it("changes nothing when it is repeated, and a repeated COPY does not bring the contents back", async () => {
    const outcome = secretJob();
    const { id } = outcome.job;
    await save(outcome);
    await store.erase([id], NOW);
    const erased = await rowOf(id);
    expect(await store.erase([id, id], NOW + 9)).toEqual([id]);
    expect(await rowOf(id)).toBe(erased);
    const plain = outcomeWith();
    const connection = new RecorderConnection(url, 5_000);
    await connection.stage([outcome, plain]);
    connection.cut();
    expect(await rowOf(id)).toBe(erased);
    expect(await store.get(plain.job.id)).toMatchObject({ erased_at: null });
  });

  it("leaves a job without contents to erase as it is, except for the time", async () => {
    const outcome = outcomeWith({ result: null });
    await save(outcome);
    await store.erase([outcome.job.id], NOW);
    expect(await store.get(outcome.job.id)).toMatchObject({
      payload: "null",
      result: null,
      error: null,
      erased_at: NOW,
    });
    expect([await store.attempts(outcome.job.id), await store.options(outcome.job.id)]).toEqual([[], {}]);
  });

  it("removes the submission from the acceptance log, but not that of a job without a row", async () => {
    const finished = outcomeWith();
    const waiting = idAt(NOW);
    const accepted = new AcceptedConnection(url, "taskflow:0", 5_000);
    await accepted.use((each) => addAcceptedPartitions(each, [waiting]));
    const packed = encodeSubmission(submission({ type: "webhook", options: { durability: "postgres" } }));
    await accepted.copy([{ rows: [finished.job.id, waiting].map((id) => ({ id, submission: packed })) }]);
    accepted.cut();
    await save(finished);
    await store.erase([finished.job.id, waiting], NOW);
    expect([...(await store.committed([finished.job.id, waiting]))]).toEqual([waiting]);
  });

  it("erases many jobs in one call", async () => {
    const jobs = Array.from({ length: 250 }, () => secretJob());
    await save(...jobs);
    const ids = jobs.map(({ job }) => job.id);
    expect(await store.erase(ids, NOW)).toEqual(ids.toSorted());
    const { rows } = await client.query("select from jobs where id = any($1) and jobs::text like '%' || $2 || '%'", [
      ids,
      SECRET,
    ]);
    expect(rows).toEqual([]);
    expect(await store.erase([], NOW)).toEqual([]);
  });
});
