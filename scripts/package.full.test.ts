/** Packs the npm package and installs it into an empty project. Needs the registry, for the dependencies. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, it } from "vitest";
import { tempDir } from "../src/testing/services.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TSC = join(ROOT, "node_modules", "typescript", "bin", "tsc");
const version = (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { readonly version: string }).version;

const PROGRAM = `
import { TaskFlow } from "taskflow/client";
import { defineJob, exponential, PermanentError } from "taskflow/job";
import { Type } from "typebox";

const taskflow = new TaskFlow({ url: "http://127.0.0.1:1" });
export const submitted: Promise<{ id: string }> = taskflow.submit("greet", { name: "Ada" });
submitted.catch(() => undefined);

export default defineJob({
  type: "greet",
  lane: "io",
  payload: Type.Object({ name: Type.String() }, { examples: [{ name: "Ada" }] }),
  attempts: 3,
  timeoutMs: 1_000,
  backoff: exponential(1_000, 60_000),
  run: (payload) => {
    const name: string = payload.name;
    if (name === "") throw new PermanentError("there is nobody to greet");
    return Promise.resolve(name);
  },
});
process.stdout.write("compiled and run");
`;

let project: string;
const run = async (command: string, args: readonly string[], cwd = project): Promise<string> => {
  try {
    return (await promisify(execFile)(command, args, { cwd, maxBuffer: 2 ** 24 })).stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`, { cause: error });
  }
};

beforeAll(async () => {
  project = tempDir();
  // --ignore-scripts: global-setup.ts has already built dist/
  await run("npm", ["pack", "--ignore-scripts", "--pack-destination", project], ROOT);
  const tarball = readdirSync(project).find((name) => name.endsWith(".tgz"));
  writeFileSync(join(project, "package.json"), '{ "type": "module", "private": true }\n');
  await run("npm", ["install", "--no-audit", "--no-fund", `./${tarball}`]);
});

it("has the command", async () => {
  expect((await run("npx", ["--no-install", "taskflow", "--version"])).trim()).toBe(version);
});

it("installs the HTTP library under its alias", async () => {
  const load = 'import("uWebSockets.js").then(({ default: uws }) => process.stdout.write(typeof uws.App))';
  expect(await run(process.execPath, ["-e", load])).toBe("function");
});

it("has types and code of taskflow/client and taskflow/job", async () => {
  writeFileSync(join(project, "program.ts"), PROGRAM);
  const tsconfig = {
    compilerOptions: { target: "ES2023", module: "NodeNext", strict: true, types: ["node"] },
    files: ["program.ts"],
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify(tsconfig));
  await run("npm", ["install", "--no-audit", "--no-fund", "--save-dev", "@types/node@20"]);
  await run(process.execPath, [TSC, "-p", "."]);
  expect(await run(process.execPath, ["program.js"])).toBe("compiled and run");
});

it("has no tests, no code shared by tests, and no source maps without their sources", () => {
  const files = readdirSync(join(project, "node_modules", "taskflow"), { recursive: true, encoding: "utf8" });
  expect(files).toContain("dist/main.js");
  expect(files).toContain("dist/queue/lua/claim.lua");
  expect(
    files.filter((name) => /\.test\.|testing|\.map$|\.built$/.test(name) && !name.startsWith("node_modules")),
  ).toEqual([]);
});
