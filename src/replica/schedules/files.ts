/**
 * Schedules in files: each NAME.json in SCHEDULES_DIR is the schedule of that name. A replica applies the files when it
 * starts, and removes schedules whose files are gone. What somebody changes or removes over the API stays so until the
 * file changes.
 */
import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, UsageError } from "../../errors.ts";
import { removed, withFile } from "../../results/schedules/changes.ts";
import type { ScheduleRow } from "../../results/schedules/schedule-row.ts";
import type { ScheduleStore } from "../../results/schedules/schedule-store.ts";

const SUFFIX = ".json";
const PAGE = 200;

/** A schedule in a file, checked. */
export interface ScheduleFile {
  readonly name: string;
  /** The JSON of the definition, defaults filled in. */
  readonly definition: string;
}

/** Checks a definition. @returns its JSON with defaults, or what is wrong */
export type CheckDefinition = (
  name: string,
  json: string,
) =>
  | { readonly definition: string }
  | { readonly issues: readonly { readonly path: string; readonly message: string }[] };

/**
 * Reads and checks all files. Folders, hidden files, and files with other endings are ignored.
 * @throws UsageError, with a sentence for each file that is not valid
 */
export async function readScheduleFiles(folder: string, check: CheckDefinition): Promise<ScheduleFile[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw new UsageError(`SCHEDULES_DIR: the folder ${folder} cannot be read: ${messageOf(error)}.`, error);
  });
  const files: ScheduleFile[] = [];
  const wrong: string[] = [];
  for (const file of names.filter((name) => name.endsWith(SUFFIX) && !name.startsWith(".")).sort()) {
    const name = file.slice(0, -SUFFIX.length);
    try {
      const checked = check(name, await readFile(join(folder, file), "utf8"));
      if ("definition" in checked) files.push({ name, definition: checked.definition });
      else wrong.push(`SCHEDULES_DIR: ${file} is not a valid schedule: ${listed(checked.issues)}.`);
    } catch (error) {
      wrong.push(`SCHEDULES_DIR: ${file} cannot be read: ${messageOf(error)}.`);
    }
  }
  if (wrong.length > 0) throw new UsageError(wrong.join("\n"));
  return files;
}

function listed(issues: readonly { readonly path: string; readonly message: string }[]): string {
  return issues.map(({ path, message }) => (path === "" ? message : `${path} ${message}`)).join("; ");
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
