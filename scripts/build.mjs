// Builds src/ into dist/: the compiler's output, the .lua and .sql files, and some libraries in one file each. It skips an
// unchanged tree (same names, sizes and modification times), so `npm start` is quick. After a change, the compiler
// compiles only the affected files; .cache/build has its output and its build info.
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleLibraries } from "./build-libraries.mjs";
import { builtStamp, isLeftOut, stampOfSources } from "./build-stamp.mjs";
import { differenceOfUws } from "./uwebsockets.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const compiled = join(root, ".cache", "build");
const buildInfo = join(compiled, "tsconfig.tsbuildinfo");

const difference = differenceOfUws(join(root, "node_modules/uWebSockets.js"));
if (difference !== undefined) {
  process.stderr.write(`build: ${difference}\n`);
  process.exit(1);
}

// computed before the compiler reads, so a file that changes during the build causes another build
const stamp = stampOfSources();
if (builtStamp() !== stamp) await build();

/** Builds next to dist/ and then replaces dist/, so a failed build does not affect the previous one. */
async function build() {
  const [fresh, previous] = [join(root, "dist.new"), join(root, "dist.old")];
  compile();
  rmSync(fresh, { recursive: true, force: true });
  cpSync(compiled, fresh, { recursive: true, filter: (from) => from !== buildInfo });
  const src = join(root, "src");
  cpSync(src, fresh, {
    recursive: true,
    filter: (from) => (statSync(from).isDirectory() ? isCopied(relative(src, from)) : /\.(lua|sql)$/.test(from)),
  });
  await bundleLibraries(fresh);
  await bundleDashboard(fresh);
  chmodSync(join(fresh, "cli", "main.js"), 0o755); // package.json's bin
  writeFileSync(join(fresh, ".built"), stamp);
  rmSync(previous, { recursive: true, force: true });
  if (existsSync(join(root, "dist"))) renameSync(join(root, "dist"), previous);
  renameSync(fresh, join(root, "dist"));
  rmSync(previous, { recursive: true, force: true });
}

/** Whether a folder of src/ may have files for dist/. The dashboard is bundled instead. */
function isCopied(folder) {
  return !isLeftOut(folder) && folder !== "dashboard";
}

/** Compiles src/ into .cache/build, and removes the output of deleted sources there. */
function compile() {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const options = ["--outDir", compiled, "--incremental", "--tsBuildInfoFile", buildInfo];
  try {
    execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json", ...options], {
      cwd: root,
      stdio: ["ignore", 2, 2], // the output has only errors; another program may read the standard output (start.mjs)
    });
  } catch {
    process.exit(1); // the compiler has already printed its errors
  }
  for (const name of readdirSync(compiled, { recursive: true })) {
    const source = /^(?<stem>.+?)(?:\.d)?\.(?<c>c?)[jt]s(?:\.map)?$/.exec(name)?.groups;
    if (source && !existsSync(join(root, "src", `${source.stem}.${source.c}ts`))) rmSync(join(compiled, name));
  }
}

/** Bundles the dashboard, one chunk for each screen. The hash in a file's name lets browsers cache it forever. */
async function bundleDashboard(dist) {
  const { buildSync } = await import("esbuild");
  const source = join(root, "src", "dashboard");
  const outdir = join(dist, "dashboard");
  const shared = {
    outdir,
    bundle: true,
    format: "esm",
    platform: "browser",
    target: ["es2023", "chrome114", "firefox115", "safari16.4"],
    minify: true,
    legalComments: "none",
    tsconfig: join(source, "tsconfig.json"),
    entryNames: "[name]-[hash]",
  };
  const live = buildSync({ ...shared, entryPoints: [join(source, "live-worker.ts")], metafile: true });
  const worker = Object.keys(live.metafile.outputs)[0].split("/").at(-1);
  buildSync({
    ...shared,
    entryPoints: [join(source, "main.tsx")],
    chunkNames: "[name]-[hash]",
    splitting: true,
    define: { LIVE_WORKER: JSON.stringify(worker) },
  });
  cpSync(join(source, "icon.svg"), join(outdir, "icon.svg"));
}
