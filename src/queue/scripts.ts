/** The Lua scripts: one file for each verb, read once at start. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

export interface Script {
  readonly name: string;
  readonly source: string;
  /** SHA-1 of the source: what EVALSHA names a script by. */
  readonly sha: string;
}

function load(name: string): Script {
  const source = readFileSync(new URL(`./${name}.lua`, import.meta.url), "utf8");
  return { name, source, sha: createHash("sha1").update(source).digest("hex") };
}

export const scripts = {
  enqueue: load("enqueue"),
  claim: load("claim"),
  renew: load("renew"),
  settle: load("settle"),
  forget: load("forget"),
  cancel: load("cancel"),
  sweep: load("sweep"),
  books: load("books"),
  inspect: load("inspect"),
} as const;
