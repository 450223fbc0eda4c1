/** Copies the built program: a rebuild of dist/ must not affect a run, and a run may remove a guard. */
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
  /** The folder for TASKFLOW_JOBS, with the test types and those of the chaos runs. */
  readonly jobsDir: string;
  /** Replaces all occurrences of a text in a file of dist/. @throws {Error} if the file does not contain the text */
  patch(file: string, from: string, to: string): void;
  /** The SHA-1 of a script of this copy as it currently is, for EVALSHA. */
  shaOf(script: string): Promise<string>;
  remove(): void;
}

/** @throws {Error} if the program is not built */
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
      if (!text.includes(from)) throw new Error(`dist/${file} does not contain the text to remove: ${from}`);
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
