#!/usr/bin/env node
/** The `taskflow` command. `serve` is the program of main.ts, which reads the process and ends it by itself. */
import { readFileSync } from "node:fs";
import { runCommand } from "./command.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string };

const code = await runCommand({
  args: process.argv.slice(2),
  env: process.env,
  version,
  out: process.stdout,
  err: process.stderr,
  serve: async () => {
    await import("../main.ts");
  },
});
if (code !== undefined) process.exitCode = code;
