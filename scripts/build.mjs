// Builds src/ into dist/: the compiler's output, the .lua and .sql files beside it, and typebox in one file.
// A tree without changes (same names, sizes and modification times) is not built again, so that `npm start` is quick.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { differenceOfUws } from "./uwebsockets.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const difference = differenceOfUws(join(root, "node_modules/uWebSockets.js"));
if (difference !== undefined) {
  process.stderr.write(`build: ${difference}\n`);
  process.exit(1);
}

const stampFile = join(root, "dist", ".built");

const sources = readdirSync(join(root, "src"), { recursive: true }).map((name) => join("src", name));
const stamp = createHash("sha256");
for (const name of [
  ...sources,
  "scripts/build.mjs",
  "tsconfig.json",
  "tsconfig.build.json",
  "package-lock.json",
].sort()) {
  const { size, mtimeMs } = statSync(join(root, name));
  stamp.update(`${name} ${size} ${mtimeMs}\n`);
}
const wanted = stamp.digest("hex");

if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== wanted) {
  // Built beside dist/ and then moved there, so that a build that fails leaves the previous one in place.
  const [fresh, stale] = [join(root, "dist.new"), join(root, "dist.old")];
  rmSync(fresh, { recursive: true, force: true });
  try {
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json", "--outDir", fresh], {
      cwd: root,
      stdio: "inherit",
    });
  } catch {
    process.exit(1); // the compiler has printed its errors
  }
  cpSync(join(root, "src"), fresh, {
    recursive: true,
    filter: (from) => (statSync(from).isDirectory() ? !from.endsWith("testing") : /\.(lua|sql)$/.test(from)),
  });
  await bundleTypebox(fresh);
  chmodSync(join(fresh, "cli", "main.js"), 0o755); // package.json's bin
  writeFileSync(join(fresh, ".built"), wanted);
  rmSync(stale, { recursive: true, force: true });
  if (existsSync(join(root, "dist"))) renameSync(join(root, "dist"), stale);
  renameSync(fresh, join(root, "dist"));
  rmSync(stale, { recursive: true, force: true });
}

/**
 * Puts typebox into one file. It consists of 700 modules, which each process and each pool thread would load: that takes
 * 0.6 s of CPU, and 0.04 s from one file.
 */
async function bundleTypebox(dist) {
  const { buildSync } = await import("esbuild"); // takes 0.1 s, and most starts build nothing
  const entries = ["typebox", "typebox/compile", "typebox/error", "typebox/system", "typebox/value"];
  const fileOf = (entry) => `${entry.replace("/", "-")}.js`;
  const entryPoints = Object.fromEntries(entries.map((entry) => [fileOf(entry).slice(0, -3), entry]));
  buildSync({
    entryPoints,
    outdir: join(dist, "vendor"),
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
  });
  for (const name of readdirSync(dist, { recursive: true })) {
    if (!name.endsWith(".js") || name.startsWith("vendor")) continue;
    const file = join(dist, name);
    const from = relative(dirname(file), join(dist, "vendor")) || ".";
    const text = readFileSync(file, "utf8");
    const own = text.replace(
      /^(import .*) from "(typebox(?:\/\w+)?)";$/gm,
      (_, names, entry) => `${names} from "${from.startsWith(".") ? from : `./${from}`}/${fileOf(entry)}";`,
    );
    if (/import\("[^"]*\.ts"\)/.test(own))
      throw new Error(
        `${name}: the compiler left an import() of a .ts file as it was; move it to the top of a function`,
      );
    if (own !== text) writeFileSync(file, own);
  }
}
