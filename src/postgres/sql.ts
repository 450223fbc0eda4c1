import { readFileSync } from "node:fs";

/**
 * Reads a SQL file, when the module that uses it is loaded.
 * @param file such as `new URL("./job-get.sql", import.meta.url)`
 */
export function readSql(file: URL): string {
  return readFileSync(file, "utf8");
}
