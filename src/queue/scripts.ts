/** The Lua scripts: one file for each verb, read once at start. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

export interface Script {
  readonly name: string;
  readonly source: string;
  /** SHA-1 of the source: what EVALSHA names a script by. */
  readonly sha: string;
}

const read = (name: string): string => readFileSync(new URL(`./${name}.lua`, import.meta.url), "utf8");

/** @param shared what it has in common with others: put behind its first line, which says how Redis runs it */
function load(name: string, ...shared: readonly ("job" | "announce" | "wake" | "callback" | "destination")[]): Script {
  const own = read(name);
  const bodyAt = own.indexOf("\n") + 1;
  const source = own.slice(0, bodyAt) + shared.map(read).join("") + own.slice(bodyAt);
  return { name, source, sha: createHash("sha1").update(source).digest("hex") };
}

export const scripts = {
  enqueue: load("enqueue", "job", "announce", "wake"),
  claim: load("claim", "job", "announce", "wake"),
  renew: load("renew", "job"),
  renewReplica: load("renew-replica", "job"),
  settle: load("settle", "job", "announce", "wake", "callback"),
  forget: load("forget", "job"),
  cancel: load("cancel", "job", "announce", "wake", "callback"),
  sweep: load("sweep", "job"),
  resume: load("resume"),
  standing: load("standing", "job"),
  books: load("books", "job"),
  inspect: load("inspect", "job"),
  admit: load("admit", "destination"),
  report: load("report", "destination"),
  extend: load("extend", "destination"),
  progress: load("progress", "job", "announce"),
  save: load("save", "job"),
  limit: load("limit"),
  watch: load("watch"),
} as const;
