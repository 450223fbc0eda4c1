import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { pureTests } from "./pure-tests.ts";
import { makeTempDir } from "./temp-dir.ts";

let dir: ReturnType<typeof makeTempDir>;
beforeEach(() => {
  dir = makeTempDir();
});
afterEach(() => dir.remove());

/** Writes files, and returns which of them are pure tests. */
function pureAmong(files: Readonly<Record<string, string>>): string[] {
  for (const [name, code] of Object.entries(files)) {
    mkdirSync(dirname(join(dir.path, name)), { recursive: true });
    writeFileSync(join(dir.path, name), code);
  }
  return pureTests(dir.path, ["src"]);
}

it("finds a test of a function of its arguments", () => {
  expect(
    pureAmong({
      "src/core/sum.test.ts": 'import { sum } from "./sum.ts";\n',
      "src/core/sum.ts": "export const sum = 1;\n",
    }),
  ).toEqual(["src/core/sum.test.ts"]);
});

it.each([
  ["imports the services of the run", 'import { freshRedis } from "../testing/services.ts";\n'],
  ["imports a file that starts processes", 'import {\n  start,\n} from "./child.ts";\n'],
  ["exports from such a file", 'export { start } from "./child.ts";\n'],
  ["imports such a file in a function", 'const load = () => import("./child.ts");\n'],
  ["imports such a file for its effect", 'import "./child.ts";\n'],
  ["runs a program from dist/", 'const program = new URL("../../dist/main.js", import.meta.url);\n'],
  ["talks to a peer", 'import { startPeer } from "../testing/http-peer.ts";\n'],
])("leaves out a test that %s", (_, code) => {
  expect(
    pureAmong({
      "src/core/a.test.ts": 'import { b } from "./b.ts";\n',
      "src/core/b.ts": code,
      "src/core/child.ts": 'import { spawn } from "node:child_process";\n',
      "src/testing/services.ts": "export const freshRedis = 1;\n",
      "src/testing/http-peer.ts": "export const startPeer = 1;\n",
    }),
  ).toEqual([]);
});

it("does not follow an import of types, which the compiled code does not have", () => {
  expect(
    pureAmong({
      "src/core/a.test.ts": 'import type { Child } from "./child.ts";\n',
      "src/core/child.ts": 'import { spawn } from "node:child_process";\n',
    }),
  ).toEqual(["src/core/a.test.ts"]);
});
