// Compares the files of uWebSockets.js with the SHA-256 of the tested files in uwebsockets.sha256.json. The package is
// a re-publication by a third party (README, Deployment): package-lock.json pins the download, this script pins the
// files that run.
// Usage: node scripts/uwebsockets.mjs FOLDER    exit code 1 and a sentence if a file differs
//        node scripts/uwebsockets.mjs --write FOLDER    writes the hashes of these files, after a change of version
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const LIST = new URL("./uwebsockets.sha256.json", import.meta.url);
/** The files that Node.js loads, and package.json. */
const isCode = (name) => /\.(node|js|mjs|cjs)$/.test(name) || name === "package.json";
const hashOf = (folder, name) =>
  createHash("sha256")
    .update(readFileSync(join(folder, name)))
    .digest("hex");

/**
 * Returns a sentence about the first file that differs, or undefined. By default it reads only the binary that this
 * Node.js loads.
 */
export function differenceOfUws(folder, { readsAll = false } = {}) {
  const known = JSON.parse(readFileSync(LIST, "utf8"));
  const own = `${["uws", process.platform, process.arch, process.versions.modules].join("_")}.node`;
  for (const name of readdirSync(folder).filter(isCode)) {
    if (name.endsWith(".node") && name !== own && !readsAll) continue;
    if (known[name] === undefined)
      return `${join(folder, name)} is not in scripts/uwebsockets.sha256.json: this program was not tested with this version of uWebSockets.js. Run npm ci.`;
    if (hashOf(folder, name) !== known[name])
      return `${join(folder, name)} differs from its SHA-256 in scripts/uwebsockets.sha256.json: this program was not tested with this version of uWebSockets.js. Run npm ci.`;
  }
  return undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [first, second] = process.argv.slice(2);
  const folder = second ?? first;
  if (first === "--write") {
    const hashes = readdirSync(folder)
      .filter(isCode)
      .sort()
      .map((name) => [name, hashOf(folder, name)]);
    writeFileSync(LIST, `${JSON.stringify(Object.fromEntries(hashes), null, 2)}\n`);
  } else {
    const difference = differenceOfUws(folder, { readsAll: true });
    if (difference !== undefined) {
      process.stderr.write(`${difference}\n`);
      process.exit(1);
    }
  }
}
