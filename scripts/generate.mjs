// Generates files from the code: the client's types, and the tables and answers in the documentation. The tests that
// compare a file with the code write it if a variable UPDATE_… is 1; this script sets all these variables and runs the
// tests. Usage: npm run generate
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const variables = new Set();
const tests = readdirSync(join(root, "src"), { recursive: true })
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => join("src", name))
  .filter((name) => {
    const found = [...readFileSync(join(root, name), "utf8").matchAll(/process\.env(?:\.|\[")(UPDATE_[A-Z_]+)/g)];
    for (const [, variable] of found) variables.add(variable);
    return found.length > 0;
  });
process.stdout.write(`${[...variables].map((name) => `${name}=1`).join(" ")} vitest run ${tests.join(" ")}\n`);
const { status } = spawnSync(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...tests], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, ...Object.fromEntries([...variables].map((name) => [name, "1"])) },
});
process.exitCode = status ?? 1;
