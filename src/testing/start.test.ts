import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { NODE_OPTIONS } from "./start.ts";

test("the image runs the program with the options of npm start", () => {
  const dockerfile = readFileSync(new URL("../../Dockerfile", import.meta.url), "utf8");
  expect(NODE_OPTIONS).toContain("--no-allocation-site-pretenuring");
  expect(dockerfile).toContain(
    `CMD ${JSON.stringify(["node", ...NODE_OPTIONS, "dist/main.js"]).replaceAll(",", ", ")}`,
  );
});
