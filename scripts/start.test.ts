import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { MALLOC_MMAP_THRESHOLD, NODE_OPTIONS, UV_THREADPOOL_SIZE } from "./node-options.mjs";

const script = fileURLToPath(new URL("./start.mjs", import.meta.url));
const command = (env: Readonly<Record<string, string>>): string =>
  execFileSync(process.execPath, [script], { encoding: "utf8", env: { PATH: process.env["PATH"], ...env } });

describe("the command of npm start", () => {
  it("runs the program with the options of Node.js, and sizes the pools", () => {
    expect(command({})).toBe(
      `env UV_THREADPOOL_SIZE=${UV_THREADPOOL_SIZE} MALLOC_MMAP_THRESHOLD_=${MALLOC_MMAP_THRESHOLD} node ${NODE_OPTIONS.join(" ")} dist/main.js\n`,
    );
  });

  it("keeps variables that are already set", () => {
    expect(command({ UV_THREADPOOL_SIZE: "4", MALLOC_MMAP_THRESHOLD_: "1" })).toBe(
      `env node ${NODE_OPTIONS.join(" ")} dist/main.js\n`,
    );
  });

  it("equals the command of the image", () => {
    const dockerfile = readFileSync(new URL("../Dockerfile", import.meta.url), "utf8");
    expect(dockerfile).toContain(
      `CMD ${JSON.stringify(["node", ...NODE_OPTIONS, "dist/main.js"]).replaceAll(",", ", ")}`,
    );
    expect(dockerfile).toContain(`UV_THREADPOOL_SIZE=${UV_THREADPOOL_SIZE} `);
    expect(dockerfile).toContain(`MALLOC_MMAP_THRESHOLD_=${MALLOC_MMAP_THRESHOLD} `);
  });
});
