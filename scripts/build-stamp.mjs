// Checks whether dist/ was built from the current sources. The build writes a digest of the sources to dist/.built.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const STAMP_FILE = join(root, "dist", ".built");
/** The files besides src/ that determine the output. */
const INPUTS = [
  "scripts/build.mjs",
  "scripts/build-stamp.mjs",
  "scripts/build-libraries.mjs",
  "tsconfig.json",
  "tsconfig.build.json",
  "package-lock.json",
];

/** Whether the build omits a file or folder of src/: tests and their shared code. */
export const isLeftOut = (name) => name === "testing" || name.startsWith("testing/") || name.endsWith(".test.ts");

/**
 * The digest of the names, sizes and modification times of the sources. Reading their contents would slow down each
 * start.
 */
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

/** Reads the digest of the sources of dist/; undefined without dist/. */
export const builtStamp = () => (existsSync(STAMP_FILE) ? readFileSync(STAMP_FILE, "utf8") : undefined);
