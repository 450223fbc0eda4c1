import { readFileSync } from "node:fs";

/** The text of a SQL file beside this one. Read once, when its user is loaded. */
export function readSql(name: string): string {
  return readFileSync(new URL(`./${name}`, import.meta.url), "utf8");
}
