import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { BUNDLED } from "./build-libraries.mjs";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));

it("no built module loads a bundled library from its many modules", () => {
  const modules = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".js") && !/^(vendor|dashboard)\//.test(name),
  );
  expect(modules.length).toBeGreaterThan(100);
  const loading = new RegExp(`(from |import\\()"(${BUNDLED.join("|")})"`);
  expect(modules.filter((name) => loading.test(readFileSync(dist + name, "utf8")))).toEqual([]);
});
