import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Outcome } from "../../core/job.ts";
import { idAt, outcomeWith } from "../../testing/outcomes.ts";
import { freshDatabase } from "../../testing/services.ts";
import { migrate } from "../migrate.ts";
import { columnsFor } from "./columns.ts";
import { RecorderConnection } from "./connection.ts";

const NOON = Date.UTC(2026, 10, 30, 12);
const USUAL = {
  priority: 5,
  attempt: 1,
  max_attempts: 3,
  status: "completed",
  durability: "redis",
  tags: [],
  run_at: null,
  retry_of: null,
  group_key: null,
  error: null,
  attempts: null,
  options: null,
};
const RETRY_OF = idAt(NOON);
const ERROR = { code: "timeout", message: "m", attempt: 1 };
const RECORD = `{"attempt":1}`;

/** The fields of an outcome, and the columns that then have another value than usual. */
const CASES: [string, Parameters<typeof outcomeWith>[0] & object, Partial<Record<keyof typeof USUAL, unknown>>][] = [
  ["another priority", { job: { priority: 9 } }, { priority: 9 }],
  ["a second attempt", { attempt: 2 }, { attempt: 2 }],
  ["another limit of attempts", { job: { maxAttempts: 25 } }, { max_attempts: 25 }],
  ["a cancelled job", { status: "cancelled" }, { status: "cancelled" }],
  ["a durable job", { job: { options: { durability: "postgres" } } }, { durability: "postgres" }],
  ["a tag", { job: { options: { tags: ["a"] } } }, { tags: ["a"] }],
  ["a start time", { job: { options: { run_at: NOON } } }, { run_at: new Date(NOON) }],
  ["a retry of a job", { job: { options: { retry_of: RETRY_OF } } }, { retry_of: RETRY_OF }],
  ["a group", { job: { groupKey: "" } }, { group_key: "" }],
  ["an error", { error: ERROR }, { error: ERROR }],
  ["records of attempts", { records: [RECORD] }, { attempts: [{ attempt: 1 }] }],
  ["an API key", { job: { options: { api_key: "k" } } }, { options: { api_key: "k" } }],
  ["a time limit", { job: { options: { timeout_ms: 1 } } }, { options: { timeout_ms: 1 } }],
];

let client: pg.Client;
let connection: RecorderConnection;
beforeAll(async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  client = new pg.Client({ connectionString: url });
  await client.connect();
  connection = new RecorderConnection(url, 5_000);
});
afterAll(async () => {
  connection.cut();
  await client.end();
});

/** The values of the columns that a COPY may leave out, in the order of the batch. */
async function storedOf(batch: readonly Outcome[]): Promise<unknown[]> {
  const { rows } = await client.query<{ id: string }>(
    `select id, ${Object.keys(USUAL).join(", ")} from jobs where id = any ($1::uuid[])`,
    [batch.map(({ job }) => job.id)],
  );
  const byId = new Map(rows.map(({ id, ...columns }) => [id, columns]));
  return batch.map(({ job }) => byId.get(job.id));
}

describe("a batch", () => {
  it("of usual jobs is stored without the columns that have defaults", async () => {
    const batch = [outcomeWith(), outcomeWith({ job: { options: { tags: [], durability: "redis" } } })];
    expect(columnsFor(batch).names.filter((name) => name in USUAL)).toEqual([]);
    await connection.copy(batch);
    expect(await storedOf(batch)).toEqual([USUAL, USUAL]);
  });

  it.each(CASES)("is stored with the column that %s needs", async (_, fields, columns) => {
    const batch = [outcomeWith(), outcomeWith(fields), outcomeWith()];
    expect(columnsFor(batch).names.filter((name) => name in USUAL)).toEqual(Object.keys(columns));
    await connection.copy(batch);
    expect(await storedOf(batch)).toEqual([USUAL, { ...USUAL, ...columns }, USUAL]);
  });

  it("is stored with the columns that its rows together need, and with all if it may be a repeat", async () => {
    const batch = [outcomeWith(), ...CASES.map(([, fields]) => outcomeWith(fields))];
    const expected = [USUAL, ...CASES.map(([, , columns]) => ({ ...USUAL, ...columns }))];
    await connection.copy(batch.slice(0, 7));
    expect(await storedOf(batch)).toEqual([...expected.slice(0, 7), ...CASES.slice(6).map(() => undefined)]);
    await connection.stage(batch);
    expect(await storedOf(batch)).toEqual(expected);
  });
});
