/**
 * Schedules in files: each NAME.json in SCHEDULES_DIR is the schedule of that name. A replica applies the files when it
 * starts, and removes schedules whose files are gone. What somebody changes or removes over the API stays so until the
 * file changes.
 */
import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../config/config.ts";
import { parseJson } from "../../core/body.ts";
import { loadCron } from "../../core/schedules/cron.ts";
import { parseSchedule } from "../../core/schedules/definition.ts";
import { isScheduleName, SCHEDULE_NAME_RULE } from "../../core/schedules/name.ts";
import type { ValidationIssue } from "../../core/schema-issues.ts";
import { messageOf, UsageError } from "../../errors.ts";
import type { Registry } from "../../jobs/registry.ts";
import { removed, withFile } from "../../results/schedules/changes.ts";
import type { ScheduleRow } from "../../results/schedules/schedule-row.ts";
import type { ScheduleStore } from "../../results/schedules/schedule-store.ts";

const SUFFIX = ".json";
/** Rows of one read. */
const PAGE = 200;

/** A schedule in a file, checked. */
export interface ScheduleFile {
  readonly name: string;
  /** The JSON of the definition, defaults filled in. */
  readonly definition: string;
}

export interface FileRules {
  readonly config: Pick<Config, "SCHEDULES_DIR" | "ACCEPT_DURABILITY">;
  readonly registry: Pick<Registry, "get">;
}

/**
 * Reads and checks all files. Hidden files, and those with other endings, are ignored.
 * @returns undefined without SCHEDULES_DIR
 * @throws UsageError, with a sentence for each file that is not valid, which lists all its issues
 */
export async function readScheduleFiles(rules: FileRules): Promise<ScheduleFile[] | undefined> {
  const folder = rules.config.SCHEDULES_DIR;
  if (folder === "") return undefined;
  const names = await readdir(folder).catch((error: unknown) => {
    throw new UsageError(`SCHEDULES_DIR: the folder cannot be read: ${messageOf(error)}.`, error);
  });
  await loadCron();
  const files: ScheduleFile[] = [];
  const wrong: string[] = [];
  for (const file of names.filter((name) => name.endsWith(SUFFIX) && !name.startsWith(".")).sort()) {
    const read = await readScheduleFile(join(folder, file), file.slice(0, -SUFFIX.length), rules);
    if ("definition" in read) files.push(read);
    else wrong.push(`SCHEDULES_DIR: ${file} is not a valid schedule: ${read.issues.map(issueText).join("; ")}.`);
  }
  if (wrong.length > 0) throw new UsageError(wrong.join("\n"));
  return files;
}

async function readScheduleFile(
  path: string,
  name: string,
  { config, registry }: FileRules,
): Promise<ScheduleFile | { readonly issues: readonly ValidationIssue[] }> {
  const whole = (message: string): ValidationIssue => ({ path: "", message });
  const issues = isScheduleName(name) ? [] : [whole(`its name is not valid: ${SCHEDULE_NAME_RULE}`)];
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    return { issues: [...issues, whole(`it cannot be read: ${messageOf(error)}`)] };
  }
  const json = parseJson(bytes);
  if ("rejection" in json) {
    const { detail, issues: own } = json.rejection;
    const all = own.length > 0 ? own : [whole(detail.replace("The body", "the file").replace(/\.$/, ""))];
    return { issues: [...issues, ...all] };
  }
  const parsed = parseSchedule(json.value, new TextDecoder().decode(bytes), {
    name,
    now: Date.now(),
    typeOf: registry.get,
    durability: config.ACCEPT_DURABILITY,
  });
  if ("issues" in parsed) issues.push(...parsed.issues);
  return issues.length > 0 || "issues" in parsed ? { issues } : { name, definition: parsed.text };
}

function issueText({ path, message }: ValidationIssue): string {
  return path === "" ? message : `${path} ${message}`;
}

export interface AppliedFiles {
  /** Names of schedules that have a new definition. */
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** Writes to Postgres what the files change. Replicas that start at once with equal files make one version. */
export async function applyFiles(
  store: Pick<ScheduleStore, "page" | "named" | "change">,
  files: readonly ScheduleFile[],
  now: number,
): Promise<AppliedFiles> {
  const changed: string[] = [];
  for (let first = 0; first < files.length; first += PAGE) {
    const page = files.slice(first, first + PAGE);
    const rows = new Map((await store.named(page.map(({ name }) => name))).map((row) => [row.name, row]));
    for (const { name, definition } of page) {
      if (rows.get(name)?.fileDefinition === definition) continue;
      let before: ScheduleRow | undefined;
      const change = (row: ScheduleRow | undefined): ScheduleRow =>
        withFile((before = row), definition, { name, now, id: randomUUID() });
      const after = await store.change(name, change);
      if (after?.id !== before?.id || after?.version !== before?.version) changed.push(name);
    }
  }
  return { changed, removed: await removeOthers(store, new Set(files.map(({ name }) => name)), now) };
}

async function removeOthers(
  store: Pick<ScheduleStore, "page" | "change">,
  present: ReadonlySet<string>,
  now: number,
): Promise<string[]> {
  const gone: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await store.page("of_files", PAGE, after);
    for (const { name } of page) {
      if (present.has(name)) continue;
      await store.change(name, (row) => row && { ...removed(row, now), fileDefinition: null });
      gone.push(name);
    }
    after = page.at(-1)?.name;
    if (page.length < PAGE) return gone;
  }
}
