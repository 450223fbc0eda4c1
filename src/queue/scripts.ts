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

function load(name: string, source = read(name)): Script {
  return { name, source, sha: createHash("sha1").update(source).digest("hex") };
}

/** One that tells what it changes. What tells is put behind the first line, which says how Redis runs the script: five copies of it would drift apart. */
function loadAnnouncing(name: string): Script {
  const source = read(name);
  const bodyAt = source.indexOf("\n") + 1;
  return load(name, source.slice(0, bodyAt) + read("announce") + source.slice(bodyAt));
}

export const scripts = {
  enqueue: loadAnnouncing("enqueue"),
  claim: loadAnnouncing("claim"),
  renew: load("renew"),
  settle: loadAnnouncing("settle"),
  forget: load("forget"),
  cancel: loadAnnouncing("cancel"),
  sweep: load("sweep"),
  resume: load("resume"),
  standing: load("standing"),
  books: load("books"),
  inspect: load("inspect"),
  admit: load("admit"),
  report: load("report"),
  progress: loadAnnouncing("progress"),
  limit: load("limit"),
  watch: load("watch"),
} as const;
