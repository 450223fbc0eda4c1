/** Filters of payloads see no secrets, in lists and in scans. */
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { lowestIdAt } from "../core/id.ts";
import type { JobFilters } from "../core/job-filters.ts";
import { DAY_MS } from "../core/time.ts";
import { idAt, outcomeWith } from "../testing/outcomes.ts";
import { freshDatabase } from "../testing/services.ts";
import { migrate } from "./migrate.ts";
import { addPartitions, startOfDay } from "./partitions.ts";
import { RecorderConnection } from "./recorder/connection.ts";
import { Store } from "./store.ts";

const TODAY = startOfDay(Date.now());
const COUNT = 900;
const HIDDEN = "whsec_1";
let store: Store;
/** The ids of the jobs, newest first, and of those that show what the others hide. */
let ids: string[];
let shown: string[];

beforeAll(async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  store = new Store(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await addPartitions(client, [TODAY - DAY_MS, TODAY]);
  await client.end();
  const jobs = Array.from({ length: COUNT }, (_, n) => {
    const payload = {
      n,
      ...(n % 60 === 7 && { note: HIDDEN }),
      secret: HIDDEN,
      url: "https://user:pass@example.com/path?token=letmein&page=2",
      more: n % 100 === 7 ? "x".repeat(50_000) : "",
    };
    return outcomeWith({ job: { id: idAt(TODAY + n), type: "email", payload: JSON.stringify(payload) } });
  });
  const connection = new RecorderConnection(url, 5_000);
  await connection.copy(jobs);
  connection.cut();
  ids = jobs.map(({ job }) => job.id).reverse();
  shown = ids.filter((_, i) => (COUNT - 1 - i) % 60 === 7);
});
afterAll(() => store.close());

/** What a list finds in pages, and what a scan finds. */
async function found(
  filters: JobFilters,
  { maxJobs, isSummary }: { readonly maxJobs: number; readonly isSummary: boolean },
): Promise<[string[], string[]]> {
  const [listed, scanned]: [string[], string[]] = [[], []];
  let examined = 0;
  for (let below: string | undefined; ; ) {
    const page = await store.range({ below, from: lowestIdAt(TODAY), limit: 10_000, maxJobs, filters, isSummary });
    listed.push(...page.jobs.map(({ id }) => id));
    examined += page.examined;
    if (page.lastExamined === null) break;
    below = page.lastExamined;
  }
  expect(examined).toBe(COUNT);
  const range = { below: lowestIdAt(TODAY + DAY_MS), from: lowestIdAt(TODAY), finishedBy: Infinity };
  for await (const page of store.matching(filters, { ...range, includesReruns: true, includesLost: true }))
    scanned.push(...page.ids);
  return [listed, scanned];
}

/** `note=value` is a filter by path; any other text is searched. */
function filtersOf(text: string): JobFilters {
  const [, name, value = ""] = /^(note|secret|url)=(.*)$/.exec(text) ?? [];
  return name === undefined ? { q: text } : { payload: [{ path: [name], value }] };
}

it.each([
  ...["pass", "user:pass", "letmein", "redacted", "[redacted]", `secret":"${HIDDEN}`, `secret=${HIDDEN}`],
  ...["secret=[redacted]", "url=https://user:pass@example.com/path?token"],
])("finds nothing by %s", async (text) => {
  expect(await found(filtersOf(text), { maxJobs: 50, isSummary: false })).toEqual([[], []]);
});

it("finds what is shown, page by page, whatever is hidden between", async () => {
  for (const [maxJobs, isSummary] of [
    [1, true],
    [4, false],
    [1_000, true],
  ] as const)
    for (const text of [HIDDEN, `note=${HIDDEN}`])
      expect(await found(filtersOf(text), { maxJobs, isSummary })).toEqual([shown, shown]);
  for (const text of ["EXAMPLE.com/path?token=", "&page=2", '"secret":'])
    expect(await found(filtersOf(text), { maxJobs: 400, isSummary: true })).toEqual([ids, ids]);
});
