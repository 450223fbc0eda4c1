#!/usr/bin/env node
/** The `taskflow` command. `serve` is the program of main.ts, which reads the process and ends it by itself. */
import { version } from "../config/version.ts";
import { codeOf } from "../errors.ts";
import { runCommand } from "./command.ts";

process.stdout.on("error", (error) => {
  if (codeOf(error) === "EPIPE") process.exit(0); // `taskflow list | head` has read enough
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
    process.argv.splice(2, process.argv.length, ...args); // the program knows none of the command's own
    await import("../main.ts");
  },
});
if (code !== undefined) process.exitCode = code;
