// Whether dist/ was built from the sources as they are. The build leaves a digest of them in dist/.built.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const STAMP_FILE = join(root, "dist", ".built");
/** What decides about the output beside src/. */
const INPUTS = [
  "scripts/build.mjs",
  "scripts/build-stamp.mjs",
  "tsconfig.json",
  "tsconfig.build.json",
  "package-lock.json",
];

/** Whether the build leaves a file or folder of src/ out: tests, and what tests share. */
export const isLeftOut = (name) => name === "testing" || name.startsWith("testing/") || name.endsWith(".test.ts");

/** The digest of the sources' names, sizes and times of change. Reading their text would make each start slower. */
export function stampOfSources() {
  const sources = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .filter((name) => !isLeftOut(name.slice("src/".length)));
  const stamp = createHash("sha256");
  for (const name of [...sources, ...INPUTS].sort()) {
    const { size, mtimeMs } = statSync(join(root, name));
    stamp.update(`${name} ${size} ${mtimeMs}\n`);
  }
  return stamp.digest("hex");
}

/** The digest of the sources that dist/ was built from; undefined without a dist/. */
export const builtStamp = () => (existsSync(STAMP_FILE) ? readFileSync(STAMP_FILE, "utf8") : undefined);
