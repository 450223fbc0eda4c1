import { execFile } from "node:child_process";
import { appendFileSync, copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { tempDir } from "../src/testing/services.ts";

const PACKAGE = fileURLToPath(new URL("../node_modules/uWebSockets.js", import.meta.url));
const CHECK = fileURLToPath(new URL("uwebsockets.mjs", import.meta.url));

function check(folder: string): Promise<{ readonly isSame: boolean; readonly output: string }> {
  return new Promise(
    (resolve) =>
      void execFile(process.execPath, [CHECK, folder], (error, _out, output) =>
        resolve({ isSame: error === null, output }),
      ),
  );
}

it("accepts the tested HTTP library with the binaries of all platforms", async () => {
  expect(await check(PACKAGE)).toEqual({ isSame: true, output: "" });
});

it("names the file that differs", async () => {
  const folder = tempDir();
  const own = `${["uws", process.platform, process.arch, process.versions.modules].join("_")}.node`;
  for (const name of ["uws.js", own]) copyFileSync(join(PACKAGE, name), join(folder, name));
  expect((await check(folder)).isSame).toBe(true);
  appendFileSync(join(folder, own), "x");
  expect(await check(folder)).toMatchObject({
    isSame: false,
    output: expect.stringContaining(`${own} differs from its SHA-256`) as string,
  });
  copyFileSync(join(PACKAGE, own), join(folder, own));
  writeFileSync(join(folder, "more.js"), "");
  expect(await check(folder)).toMatchObject({
    isSame: false,
    output: expect.stringContaining("more.js is not in scripts/uwebsockets.sha256.json") as string,
  });
});
