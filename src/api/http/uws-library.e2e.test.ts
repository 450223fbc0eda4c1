import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { launch } from "../../testing/installation.ts";
import { tempDir } from "../../testing/services.ts";

it("reports in one sentence that the HTTP server has no binary for this machine, and starts nothing", async () => {
  const folder = tempDir();
  // The error of the loader on a machine whose C library is too old.
  const file = join(folder, "old-machine.cjs");
  writeFileSync(
    file,
    `const load = require("node:module")._extensions;
const native = load[".node"];
load[".node"] = (module, path) => {
  if (path.includes("uws_")) throw new Error("/lib/libc.so.6: version \`GLIBC_2.38' not found");
  native(module, path);
};`,
  );
  const program = launch(folder, { NODE_OPTIONS: `--import ${pathToFileURL(file).href}` });
  expect(await program.ended).toEqual({ code: 1, signal: null });
  expect(program.stderr).toMatch(
    /^taskflow: Node\.js v\d+\.\S+ on \S+, .*cannot load the HTTP server, uWebSockets\.js\. .*glibc 2\.38 \(Debian 13, Ubuntu 24\.04\).*GLIBC_2\.38' not found\)\n$/,
  );
  expect(program.stdout).toBe("");
});
