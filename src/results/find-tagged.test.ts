/** The search for tags over more daily partitions than it visits one by one. */
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { HIGHEST_ID, LOWEST_ID, lowestIdAt } from "../core/id.ts";
import { DAY_MS } from "../core/time.ts";
import { idAt } from "../testing/outcomes.ts";
import { freshDatabase } from "../testing/services.ts";
import { findIds } from "./job-find.ts";
import { migrate } from "./migrate.ts";
import { addPartitions, startOfDay } from "./partitions.ts";

const TODAY = startOfDay(Date.now());
const DAYS = 80;
let client: pg.Client;
const query = async <Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]> =>
  (await client.query(text, [...values])).rows as Row[];

beforeAll(async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  client = new pg.Client({ connectionString: url });
  await client.connect();
  const days = Array.from({ length: DAYS }, (_, age) => TODAY - age * DAY_MS);
  await addPartitions(client, days);
  for (const [age, day] of days.entries()) {
    // `rare` is on every ninth day, `first` on the newest alone, `often` on each: in all, more than the search collects
    const tags = [age % 9 === 0 ? ["rare", "both"] : ["both"], ...(age === 0 ? [["first"]] : [])];
    const rows = [...tags, ...Array.from({ length: 20 }, () => ["often", "both"]), []];
    const ids = rows.map((_, n) => idAt(day + n * 1_000));
    await query(
      `insert into jobs (id, type, status, priority, durability, payload, attempt, max_attempts, tags, created_at, finished_at)
        select id, 'noop', 'completed', 5, 'redis', '{}', 1, 3, array(select json_array_elements_text(tags)), now(), now()
        from unnest($1::uuid[], $2::json[]) as job (id, tags)`,
      [ids, rows.map((each) => JSON.stringify(each))],
    );
  }
}, 120_000);
afterAll(() => client.end());

/** What a search without any index finds. */
async function expected(tag: readonly string[], below: string, from: string, most: number): Promise<string[]> {
  const found = await query<{ id: string }>(
    "select id from jobs where tags::text[] && $1::text[] and id < $2::uuid and id >= $3::uuid order by id desc limit $4",
    [tag, below, from, most],
  );
  return found.map(({ id }) => id);
}

const [RECENT, OLD] = [lowestIdAt(TODAY - 10 * DAY_MS), lowestIdAt(TODAY - 70 * DAY_MS)];

it.each([[["rare"]], [["first"]], [["often"]], [["rare", "first"]], [["both"]], [["none"]]])(
  "finds the newest jobs with one of the tags %j, in any range",
  async (tag) => {
    for (const [below, from] of [
      [HIGHEST_ID, LOWEST_ID] as const,
      [RECENT, LOWEST_ID] as const,
      [RECENT, OLD] as const,
    ])
      for (const most of [1, 8, 100, 5_000]) {
        const found = await findIds(query, { filter: "tag", filters: { tag }, below, from, most });
        expect(found).toEqual(await expected(tag, below, from, most));
      }
  },
);

it("comes to each job once if it goes on below the last one", async () => {
  const filters = { tag: ["rare", "often"] };
  const found: string[] = [];
  for (let below = HIGHEST_ID; ; below = found.at(-1) ?? below) {
    const page = await findIds(query, { filter: "tag", filters, below, from: LOWEST_ID, most: 300 });
    found.push(...page);
    if (page.length < 300) break;
  }
  expect(found).toEqual(await expected(filters.tag, HIGHEST_ID, LOWEST_ID, 5_000));
});
