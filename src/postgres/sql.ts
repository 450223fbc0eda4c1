import { readFileSync } from "node:fs";

/**
 * Reads the text of a SQL file, once, when its user is loaded.
 * @param file where it is: `new URL("./job-get.sql", import.meta.url)`
 */
export function readSql(file: URL): string {
  return readFileSync(file, "utf8");
}
