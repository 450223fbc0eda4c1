/** A copy of the built program: a rebuild of dist/ does not touch a run, and a guard can be taken out of it. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { testJobsDir } from "../../src/testing/jobs-dir.ts";
import { makeTempDir } from "../../src/testing/temp-dir.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const chaosJobsDir = fileURLToPath(new URL("./jobs", import.meta.url));

export interface Program {
  /** `main.js`, to be run by node. */
  readonly main: string;
  /** The `taskflow` command, likewise. */
  readonly cli: string;
  /** What TASKFLOW_JOBS names: the test types and those of the chaos runs. */
  readonly jobsDir: string;
  /** Replaces a text in a file of dist/, everywhere in it. @throws {Error} when it is not there, so that no run takes out what has moved */
  patch(file: string, from: string, to: string): void;
  /** What EVALSHA names a script of this copy by, as it is now. */
  shaOf(script: string): Promise<string>;
  remove(): void;
}

/** @throws {Error} when the program is not built */
export function copyProgram(): Program {
  const dist = join(root, "dist");
  if (!existsSync(join(dist, "main.js"))) throw new Error("dist/main.js is missing: run `npm run build` first");
  const dir = makeTempDir();
  const copy = join(dir.path, "dist");
  cpSync(dist, copy, { recursive: true });
  cpSync(join(root, "package.json"), join(dir.path, "package.json"));
  symlinkSync(join(root, "node_modules"), join(dir.path, "node_modules"));
  const jobsDir = join(dir.path, "jobs");
  mkdirSync(jobsDir);
  for (const from of [testJobsDir, chaosJobsDir]) {
    for (const name of readdirSync(from)) cpSync(join(from, name), join(jobsDir, name));
  }
  return {
    main: join(copy, "main.js"),
    cli: join(copy, "cli", "main.js"),
    jobsDir,
    patch: (file, from, to) => {
      const path = join(copy, file);
      const text = readFileSync(path, "utf8");
      if (!text.includes(from)) throw new Error(`dist/${file} does not hold the text to take out: ${from}`);
      writeFileSync(
        path,
        text.replaceAll(from, () => to),
      );
    },
    shaOf: async (script) => {
      const { scripts } = (await import(join(copy, "queue", "scripts.js"))) as {
        scripts: Readonly<Record<string, { readonly sha: string }>>;
      };
      const { sha } = scripts[script] ?? {};
      if (sha === undefined) throw new Error(`there is no script ${script}`);
      return sha;
    },
    remove: () => dir.remove(),
  };
}
