#!/usr/bin/env node
/** The `taskflow` command. `serve` runs main.ts, which reads the arguments and ends the process itself. */
import { version } from "../config/version.ts";
import { codeOf } from "../errors.ts";
import { runCommand } from "./command.ts";

process.stdout.on("error", (error) => {
  if (codeOf(error) === "EPIPE") process.exit(0); // the reader closed the pipe, as in `taskflow list | head`
  throw error;
});

const code = await runCommand({
  args: process.argv.slice(2),
  env: process.env,
  version,
  out: process.stdout,
  err: process.stderr,
  input: process.stdin,
  serve: async (args) => {
    process.argv.splice(2, process.argv.length, ...args); // main.ts parses process.argv
    await import("../main.ts");
  },
});
if (code !== undefined) process.exitCode = code;
