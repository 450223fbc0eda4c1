/** The hostile requests on another version of Node.js, which loads another binary of the HTTP library. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { SPLITS, violationsOfServer } from "../../testing/hostile-http.ts";
import { installation } from "../../testing/installation.ts";
import { tempDir } from "../../testing/services.ts";

/** The package with the binary of Node.js for this machine, in the version of the Docker image. */
const PACKAGE = `node-${process.platform}-${process.arch}`;
const VERSION = "24";

function glibc(): number {
  const { header } = process.report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } };
  return Number(header.glibcVersionRuntime?.split(".")[1] ?? 0);
}

it("are rejected by the image's Node.js as by this one, or the program reports that the C library is too old", {
  timeout: 600_000,
}, async () => {
  const folder = tempDir();
  writeFileSync(join(folder, "package.json"), "{}");
  execFileSync("npm", ["install", "--no-save", "--ignore-scripts", `${PACKAGE}@${VERSION}`], {
    cwd: folder,
    stdio: "ignore",
  });
  const program = (await installation()).start({}, join(folder, "node_modules", PACKAGE, "bin/node"));
  if (glibc() < 38) {
    expect(await program.ended).toEqual({ code: 1, signal: null });
    expect(program.stderr).toContain(`Node.js v${VERSION}.`);
    return;
  }
  await program.ready();
  const { hostname: host, port } = new URL(program.url);
  for (const split of SPLITS)
    expect([split, await violationsOfServer(split, { host, port: Number(port) })]).toEqual([split, []]);
});
