// Builds src/ into dist/: the compiler's output, the .lua and .sql files beside it, and typebox in one piece.
// An unchanged tree (same names, sizes and times of change) is not built again, so that `npm start` is quick; of a
// changed one, the compiler reads again only what the change can reach (its notes and its output are kept in
// .cache/build).
import { execFileSync } from "node:child_process";
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
import { builtStamp, isLeftOut, stampOfSources } from "./build-stamp.mjs";
import { differenceOfUws } from "./uwebsockets.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const compiled = join(root, ".cache", "build");
const compilerNotes = join(compiled, "tsconfig.tsbuildinfo");

const difference = differenceOfUws(join(root, "node_modules/uWebSockets.js"));
if (difference !== undefined) {
  process.stderr.write(`build: ${difference}\n`);
  process.exit(1);
}

const stamp = stampOfSources(); // taken before the compiler reads: a file that changes meanwhile makes the next build
if (builtStamp() !== stamp) await build();

/** Builds beside dist/ and then replaces dist/, so that a build that fails leaves the previous one in place. */
async function build() {
  const [fresh, previous] = [join(root, "dist.new"), join(root, "dist.old")];
  compile();
  rmSync(fresh, { recursive: true, force: true });
  cpSync(compiled, fresh, { recursive: true, filter: (from) => from !== compilerNotes });
  const src = join(root, "src");
  cpSync(src, fresh, {
    recursive: true,
    filter: (from) => (statSync(from).isDirectory() ? !isLeftOut(relative(src, from)) : /\.(lua|sql)$/.test(from)),
  });
  await bundleTypebox(fresh);
  chmodSync(join(fresh, "cli", "main.js"), 0o755); // package.json's bin
  writeFileSync(join(fresh, ".built"), stamp);
  rmSync(previous, { recursive: true, force: true });
  if (existsSync(join(root, "dist"))) renameSync(join(root, "dist"), previous);
  renameSync(fresh, join(root, "dist"));
  rmSync(previous, { recursive: true, force: true });
}

/** Compiles src/ into .cache/build, and removes there what a deleted source has left. */
function compile() {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const options = ["--outDir", compiled, "--incremental", "--tsBuildInfoFile", compilerNotes];
  try {
    execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json", ...options], {
      cwd: root,
      stdio: ["ignore", 2, 2], // all of it is errors; the standard output may be read by another program (start.mjs)
    });
  } catch {
    process.exit(1); // the compiler has printed its errors
  }
  for (const name of readdirSync(compiled, { recursive: true })) {
    const source = /^(?<stem>.+?)(?:\.d)?\.(?<c>c?)[jt]s(?:\.map)?$/.exec(name)?.groups;
    if (source && !existsSync(join(root, "src", `${source.stem}.${source.c}ts`))) rmSync(join(compiled, name));
  }
}

/**
 * Puts typebox into one file. It consists of 700 modules, which each process and each pool thread would load: that
 * takes 0.6 s of CPU, and 0.04 s from one file.
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
    const original = readFileSync(file, "utf8");
    const rewritten = original.replace(
      /^(import .*) from "(typebox(?:\/\w+)?)";$/gm,
      (_, names, entry) => `${names} from "${from.startsWith(".") ? from : `./${from}`}/${fileOf(entry)}";`,
    );
    if (/import\("[^"]*\.ts"\)/.test(rewritten))
      throw new Error(
        `${name}: the compiler did not rewrite an import() of a .ts file; move it to the top of a function`,
      );
    if (rewritten !== original) writeFileSync(file, rewritten);
  }
}
