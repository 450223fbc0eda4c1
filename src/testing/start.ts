/** How `npm start` runs the program. */
import { readFileSync } from "node:fs";

const { scripts } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly scripts: { readonly start: string };
};
const start =
  /UV_THREADPOOL_SIZE:-(?<threads>\d+)\} MALLOC_MMAP_THRESHOLD_=\$\{MALLOC_MMAP_THRESHOLD_:-(?<mapped>\d+)\} exec node (?<options>.*)dist\/main\.js$/.exec(
    scripts.start,
  )?.groups;
if (!start) throw new Error(`src/testing/start.ts cannot read the start script: ${scripts.start}`);

/** The options of Node.js in it. */
export const NODE_OPTIONS: readonly string[] = start["options"]?.split(" ").filter((option) => option !== "") ?? [];
/** From how many bytes on, in it, glibc gives the memory of a buffer back when that is freed. */
export const MALLOC_MMAP_THRESHOLD = start["mapped"] ?? "";
/** The size of libuv's pool in it. */
export const UV_THREADPOOL_SIZE = start["threads"] ?? "";
