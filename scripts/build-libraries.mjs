// Bundles the libraries of many modules that each start loads, for the build. Each process and each pool thread loads
// them: typebox takes 0.6 s of CPU from its 700 modules and 0.04 s from one file, the others together 0.19 s and 0.08 s.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const TYPEBOX = ["typebox", "typebox/compile", "typebox/error", "typebox/system", "typebox/value"];
/**
 * Further libraries. No other library of the program imports them, so each exists once in a process. The bundler renames
 * some of their classes, so a library whose errors are named after their classes, such as ioredis, is none of them.
 */
const LIBRARIES = ["undici", "prom-client", "hyparquet-writer"];
/** What is bundled, as modules import it. */
export const BUNDLED = [...TYPEBOX, ...LIBRARIES];
const IMPORT = /^(?<what>(?:im|ex)port (?<names>.*) from) "(?<from>[^".][^"]*)";$/gm;

/** Bundles the libraries into `dist/vendor`, and makes the modules of `dist` import them from there. */
export async function bundleLibraries(dist) {
  const esbuild = await import("esbuild"); // this import takes 0.1 s, and most starts build nothing
  const modules = readdirSync(dist, { recursive: true }).filter((name) => name.endsWith(".js"));
  bundleTypebox(esbuild, join(dist, "vendor"));
  for (const library of LIBRARIES) bundleLibrary(esbuild, library, { dist, modules });
  for (const name of modules) importBundles(join(dist, name), join(dist, "vendor"));
}

function fileOf(entry) {
  return `${entry.replace("/", "-")}.js`;
}

function bundleTypebox({ buildSync }, outdir) {
  buildSync({
    entryPoints: Object.fromEntries(TYPEBOX.map((entry) => [fileOf(entry).slice(0, -3), entry])),
    outdir,
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
  });
}

/**
 * Bundles what the modules import of a library. As an ES module: to find the names that a CommonJS module exports,
 * Node.js parses all of it in JavaScript. The banner gives CommonJS code its `require`, for modules of Node.js.
 */
function bundleLibrary({ buildSync }, library, { dist, modules }) {
  const names = modules.flatMap((name) => namesImported(readFileSync(join(dist, name), "utf8"), library));
  if (names.length === 0) throw new Error(`no module imports ${library}`);
  buildSync({
    stdin: { contents: `export { ${[...new Set(names)].join(", ")} } from "${library}";`, resolveDir: root },
    outfile: join(dist, "vendor", fileOf(library)),
    bundle: true,
    format: "esm",
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    platform: "node",
    target: "node20",
    logLevel: "error",
  });
}

/** The names in `import { … } from` this library, as the library exports them. */
function namesImported(text, library) {
  return [...text.matchAll(IMPORT)].flatMap(({ groups: { names, from } }) => {
    if (from !== library) return [];
    const list = /^\{(?<list>.*)\}$/.exec(names)?.groups.list;
    if (list === undefined) throw new Error(`import names from ${library}, not "${names}"`);
    return list.split(",").map((name) => name.trim().split(" as ")[0]);
  });
}

/** Rewrites the imports of one module. */
function importBundles(file, vendor) {
  const from = relative(dirname(file), vendor) || ".";
  const original = readFileSync(file, "utf8");
  const rewritten = original.replace(IMPORT, (line, what, _names, entry) =>
    BUNDLED.includes(entry) ? `${what} "${from.startsWith(".") ? from : `./${from}`}/${fileOf(entry)}";` : line,
  );
  if (/import\("[^"]*\.ts"\)/.test(rewritten))
    throw new Error(
      `${file}: the compiler did not rewrite an import() of a .ts file; move it to the top of a function`,
    );
  if (rewritten !== original) writeFileSync(file, rewritten);
}
