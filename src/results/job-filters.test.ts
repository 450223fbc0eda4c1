import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lowestIdAt } from "../core/id.ts";
import type { JobView, Outcome } from "../core/job.ts";
import type { JobFilters } from "../core/job-filters.ts";
import { passesFilters } from "../core/job-filters.ts";
import { readableJson, textAt } from "../core/json-path.ts";
import { DAY_MS } from "../core/time.ts";
import { filterSql } from "../postgres/job-filters-sql.ts";
import { idAt, outcomeWith } from "../testing/outcomes.ts";
import { freshDatabase } from "../testing/services.ts";
import { migrate } from "./migrate.ts";
import { addPartitions, startOfDay } from "./partitions.ts";
import { RecorderConnection } from "./recorder/connection.ts";
import { Store } from "./store.ts";

const TODAY = startOfDay(Date.now());
const OLDEST = TODAY - 40 * DAY_MS;
let store: Store;
let client: pg.Client;
let views: readonly JobView[];

beforeAll(async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  store = new Store(url);
  client = new pg.Client({ connectionString: url });
  await client.connect();
  const jobs = history();
  await addPartitions(client, [OLDEST, TODAY - 20 * DAY_MS, TODAY - DAY_MS, TODAY]);
  const connection = new RecorderConnection(url, 5_000);
  await connection.copy(jobs);
  connection.cut();
  views = (await store.range({ limit: 10_000 })).jobs;
});
afterAll(async () => {
  await client.end();
  await store.close();
});

const GROUPS = [null, "a,b", `quote " ' \\ { }`, "%_"];
const TAGS = [[], [], ["a,b", "NULL"], [`quote " ' \\ {`], ["NULL", "x", "é"]];
const CODES = [undefined, undefined, "timeout", "a,b", "'"];

/** 200 jobs over four days with weeks between them. */
function history(): Outcome[] {
  return Array.from({ length: 200 }, (_, n) => {
    const day = [OLDEST, TODAY - 20 * DAY_MS, TODAY - DAY_MS, TODAY][Math.floor(n / 50)] ?? TODAY;
    const code = CODES[n % 5];
    return outcomeWith({
      job: {
        id: idAt(day + n),
        type: n % 3 ? "email" : "webhook",
        groupKey: GROUPS[n % 4] ?? null,
        payload: JSON.stringify({ n, to: n % 2 ? "Ann@example.org" : "b", secret: `whsec_${n % 4}` }),
        options: { tags: TAGS[(n * 7) % 5] ?? [], ...(n % 11 === 0 && { retry_of: retryOf(n % 22) }) },
      },
      status: code === undefined ? "completed" : n % 2 ? "failed" : "cancelled",
      error: code === undefined ? null : { code, message: `No Answer ${n}`, attempt: 1 },
      finishedAt: day + n + 1_000 * (n % 7),
      worker: [null, "replica1", "replica2"][n % 3] ?? null,
    });
  });
}

function retryOf(n: number): string {
  return `01a20b8f-dc59-7000-a0b8-${String(n).padStart(12, "0")}`;
}

const some = <Value>(values: readonly Value[]) =>
  fc.option(fc.subarray([...values], { minLength: 1 }), { nil: undefined });
const at = (name: string, value: string) => [{ path: [name], value }];
const FILTERS: fc.Arbitrary<JobFilters> = fc.record({
  status: some(["completed", "failed", "cancelled", "queued"] as const),
  type: some(["email", "webhook", "none"]),
  tag: some(["a,b", "NULL", "x", "é", `quote " ' \\ {`, "none"]),
  group_key: some(["a,b", `quote " ' \\ { }`, "%_", "none"]),
  error_code: some(["timeout", "a,b", "'", "none"]),
  retry_of: some([retryOf(0), retryOf(11), retryOf(5)]),
  worker: some(["replica1", "replica2", "none"]),
  finished_after: fc.option(fc.integer({ min: OLDEST, max: TODAY + 9_000 }), { nil: undefined, freq: 1 }),
  finished_before: fc.option(fc.integer({ min: OLDEST, max: TODAY + 9_000 }), { nil: undefined, freq: 1 }),
  payload: fc.option(fc.constantFrom(at("to", "b"), at("n", "17"), at("secret", "whsec_1")), { nil: undefined }),
  q: fc.option(fc.constantFrom("ANN@", "answer 1", "zz", "whsec_1", "red", '"to"'), { nil: undefined }),
});
/** Most filters absent, so that some jobs pass. */
const SPARSE = fc
  .tuple(
    FILTERS,
    fc.subarray(
      [
        "status",
        "type",
        "tag",
        "group_key",
        "error_code",
        "retry_of",
        "worker",
        "finished_after",
        "finished_before",
        "payload",
        "q",
      ],
      { maxLength: 3 },
    ),
  )
  .map(
    ([filters, names]) =>
      Object.fromEntries(Object.entries(filters).filter(([name]) => names.includes(name))) as JobFilters,
  );

describe("filters", () => {
  it("find in pages of any size the jobs that pass, each once", async () => {
    await fc.assert(
      fc.asyncProperty(
        SPARSE,
        fc.integer({ min: 5, max: 60 }),
        fc.integer({ min: 10, max: 300 }),
        async (filters, maxJobs, limit) => {
          const found: string[] = [];
          for (let below: string | undefined; ; ) {
            const page = await store.range({ below, from: lowestIdAt(OLDEST), limit, maxJobs, filters });
            found.push(...page.jobs.map(({ id }) => id));
            expect(page.examined).toBeGreaterThanOrEqual(page.jobs.length);
            expect(page.examined).toBeLessThanOrEqual(limit);
            if (page.lastExamined === null) break;
            below = page.lastExamined;
          }
          expect(found).toEqual(views.filter((view) => passesFilters(view, filters)).map(({ id }) => id));
        },
      ),
      { numRuns: 80 },
    );
  });

  it("find the same jobs in a scan, in slices of any size", async () => {
    await fc.assert(
      fc.asyncProperty(SPARSE, fc.integer({ min: 10, max: 300 }), async (filters, slice) => {
        const found: string[] = [];
        let last = lowestIdAt(TODAY + DAY_MS);
        for await (const { ids, reached } of store.matching(filters, {
          below: last,
          finishedBy: TODAY + DAY_MS,
          includesReruns: true,
          includesLost: true,
          slice,
        })) {
          found.push(...ids);
          expect(reached <= last && ids.every((id) => id >= reached && id < last)).toBe(true);
          last = reached;
        }
        expect(found).toEqual(views.filter((view) => passesFilters(view, filters)).map(({ id }) => id));
      }),
      { numRuns: 50 },
    );
  });

  it("need one page for rare jobs of old days, and examine those alone", async () => {
    const filters = { error_code: ["timeout"], status: ["failed" as const] };
    const rare = views.filter((view) => passesFilters(view, filters));
    const page = await store.range({ limit: 10_000, maxJobs: 1_000, filters });
    expect(page.jobs.map(({ id }) => id)).toEqual(rare.map(({ id }) => id));
    expect(page.examined).toBe(views.filter(({ error }) => error?.code === "timeout").length);
    expect(page.lastExamined).toBeNull();
  });

  it("of statuses that no finished job has examine nothing", async () => {
    expect(await store.range({ limit: 10, filters: { status: ["queued", "running"] } })).toEqual({
      jobs: [],
      lastExamined: null,
      examined: 0,
      ranks: [],
    });
  });

  it("give summaries without payload and result", async () => {
    const whole = await store.range({ limit: 10 });
    const short = await store.range({ limit: 10, isSummary: true });
    expect(short).toEqual({
      ...whole,
      jobs: whole.jobs.map((job) => ({ ...job, payload: { size: 0 }, result: null })),
    });
  });
});

const KEYS = ["a", "b", "0", "1", "-1", " 1", "", "\0", "\uD800", "\\", '"', "é"];
const STRINGS = fc.oneof(
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.constantFrom("\\uD800", "\\\uD800", "\uD83D\uDE00", "\uD83D\uD83D\uDE00", "\\\uDE00", "\0\0", "\\u0000", "\\\\\0"),
);
/** JSON texts: all escapes, numbers with many digits, members with the same name, spaces. */
const { json: JSON_TEXT } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    STRINGS.chain((text) => fc.constantFrom(JSON.stringify(text), escaped(text))),
    fc.constantFrom("null", "true", "123456789012345678901234567890", "1e400", "-0.10", "1.0"),
    fc.array(tie("json"), { maxLength: 3 }).map((items) => `[${items.join(" , ")}]`),
    fc
      .array(fc.tuple(fc.constantFrom(...KEYS), tie("json")), { maxLength: 4 })
      .map((members) => `{ ${members.map(([name, value]) => `${JSON.stringify(name)} :${value}`).join(",")} }`),
  ),
}));

function escaped(text: string): string {
  return `"${Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, "0")}`).join("")}"`;
}

/** With U+FFFD for halves of surrogate pairs, as the client of Postgres sends it. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

async function passesSql(payload: string, filters: JobFilters): Promise<boolean> {
  const values: unknown[] = [payload];
  const condition = filterSql(filters, (value) => `$${values.push(value)}`);
  const { rows } = await client.query<{ passes: boolean | null }>(
    `select ${condition} as passes from (select $1::json as payload) as jobs`,
    values,
  );
  return rows[0]?.passes === true;
}

it("a filter of payloads agrees with the one of waiting jobs, for any JSON", async () => {
  const steps = fc.constantFrom(
    ...KEYS.filter((key) => key !== "" && key !== "\0" && wellFormed(key) === key),
    "2147483648",
    "01",
  );
  const wanted = fc.oneof(STRINGS, JSON_TEXT, fc.constantFrom("true", "\uFFFD", "\uFFFD\uFFFD", "\\uD800"));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(JSON_TEXT, fc.array(steps, { minLength: 1, maxLength: 3 }), wanted), {
        minLength: 20,
        maxLength: 20,
      }),
      async (cases) => {
        for (const [json, path, other] of cases) {
          const payload = `{"a":${json},"0":${json}}`;
          const view = { ...(views[0] as JobView), payload };
          const value = wellFormed(other.replaceAll("\0", ""));
          for (const one of [value, textAt(readableJson(payload), path)?.replaceAll("\0", "")]) {
            if (one === undefined) continue;
            const filters = { payload: [{ path, value: one }] };
            expect([payload, path, one, await passesSql(payload, filters)]).toEqual([
              payload,
              path,
              one,
              passesFilters(view, filters),
            ]);
          }
        }
      },
    ),
    { numRuns: 25 },
  );
});

it.each([
  ["C", "template template0 encoding 'UTF8' locale_provider libc locale 'C'"],
  ["UTF-8", ""],
])("a search for a text agrees with the one of waiting jobs, in a database with the locale %s", async (_, options) => {
  const { url } = await freshDatabase(options);
  const other = new pg.Client({ connectionString: url });
  await other.connect();
  try {
    const letters = fc.string({
      unit: fc.constantFrom(...Array.from("aAzZ[{@`ÉéİIıißẞΣςσKk")),
      minLength: 1,
      maxLength: 4,
    });
    const passes = async (payload: string, message: string, q: string): Promise<boolean[]> => {
      const values: unknown[] = [payload, JSON.stringify({ message })];
      const condition = filterSql({ q }, (value) => `$${values.push(value)}`);
      const { rows } = await other.query<{ passes: boolean }>(
        `select ${condition} as passes from (select $1::json as payload, $2::json as error) as jobs`,
        values,
      );
      const view = { ...(views[0] as JobView), payload, error: { code: "c", message, attempt: 1 } };
      return [rows[0]?.passes === true, passesFilters(view, { q })];
    };
    expect(await passes('{"to":"Ann"}', "", "aNN")).toEqual([true, true]);
    expect(await passes("{}", "No ÉTÉ here", "ÉtÉ HERE")).toEqual([true, true]);
    expect(await passes("{}", "No ÉTÉ here", "été")).toEqual([false, false]);
    await fc.assert(
      fc.asyncProperty(letters, letters, letters, async (text, message, q) => {
        const [bySql, byProgram] = await passes(JSON.stringify({ text }), message, q);
        expect(bySql).toBe(byProgram);
      }),
      { numRuns: 300 },
    );
  } finally {
    await other.end();
  }
});
