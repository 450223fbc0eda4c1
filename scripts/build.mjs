// Builds src/ into dist/: the compiler's output, and the .lua and .sql files beside it.
// An unchanged tree (same names, sizes and times of change) is not built again, so that `npm start` is quick.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const stampFile = join(root, "dist", ".built");

const sources = readdirSync(join(root, "src"), { recursive: true }).map((name) => join("src", name));
const stamp = createHash("sha256");
for (const name of [...sources, "tsconfig.json", "tsconfig.build.json", "package-lock.json"].sort()) {
  const { size, mtimeMs } = statSync(join(root, name));
  stamp.update(`${name} ${size} ${mtimeMs}\n`);
}
const wanted = stamp.digest("hex");

if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== wanted) {
  // Built beside dist/ and then put in its place, so that a build that fails leaves the last one standing.
  const [fresh, stale] = [join(root, "dist.new"), join(root, "dist.old")];
  rmSync(fresh, { recursive: true, force: true });
  try {
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json", "--outDir", fresh], { cwd: root, stdio: "inherit" });
  } catch {
    process.exit(1); // the compiler has printed its complaints
  }
  cpSync(join(root, "src"), fresh, {
    recursive: true,
    filter: (from) => (statSync(from).isDirectory() ? !from.endsWith("testing") : /\.(lua|sql)$/.test(from)),
  });
  writeFileSync(join(fresh, ".built"), wanted);
  rmSync(stale, { recursive: true, force: true });
  if (existsSync(join(root, "dist"))) renameSync(join(root, "dist"), stale);
  renameSync(fresh, join(root, "dist"));
  rmSync(stale, { recursive: true, force: true });
}
