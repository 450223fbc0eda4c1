/** What the tests of the list of jobs in the dashboard share. */
import type { Page } from "playwright-core";
import type { TestReplica } from "./replica.ts";
import { call, jobWhen, submit } from "./replica.ts";

/** The selector of a job's row. */
export const rowOf = (id: string | undefined): string => `tr[data-row="${id ?? ""}"]`;

/** The path of the list with a filter text. */
export const listOf = (text: string): string => `/jobs?q=${encodeURIComponent(text)}`;

/** The ids of the rows, in their order. */
export async function rowsOf(page: Page): Promise<(string | null)[]> {
  const rows = await page.locator("tr[data-row]").all();
  return Promise.all(rows.map((row) => row.getAttribute("data-row")));
}

export const press = (page: Page, name: string): Promise<void> =>
  page.getByRole("button", { name, exact: true }).click();

/** The parameters of the address. */
export const queryOf = (page: Page): Record<string, string> => Object.fromEntries(new URL(page.url()).searchParams);

/** Options of a job that does not run during a test. */
export const LATER = { delay_ms: 3_600_000 };

/** Submits jobs of type noop in one batch. @returns their ids, in the order of submission */
export async function submitMany(replica: TestReplica, count: number, fields: object = {}): Promise<string[]> {
  const jobs = Array.from({ length: count }, (_, number) => ({ type: "noop", payload: { number }, ...fields }));
  const { status, body } = await call(replica, "POST", "/api/v1/jobs/batch", { jobs });
  if (status !== 202) throw new Error(`not accepted: ${status} ${JSON.stringify(body)}`);
  return (body as { jobs: { id: string }[] }).jobs.map(({ id }) => id);
}

/** A job that has failed. @returns its id */
export async function failedJob(replica: TestReplica, tag: string): Promise<string> {
  const id = await submit(replica, "test_io", { do: "permanent" }, { tags: [tag] });
  await jobWhen(replica, id, "failed");
  return id;
}
