/** `taskflow loadtest`: the load test of a checkout. It needs the sources and what they are developed with, so that no deployment carries it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { StartError } from "../errors.ts";

const SCRIPT = new URL("../../scripts/loadtest.ts", import.meta.url);

/**
 * @param args its own: `--help` lists them
 * @returns its exit code
 * @throws StartError where the sources are not
 */
export async function runLoadtest(args: readonly string[]): Promise<number> {
  if (!existsSync(SCRIPT))
    throw new StartError("loadtest: it comes with the sources: npm run loadtest, in a checkout of them.");
  const child = spawn(process.execPath, ["--import", "tsx", fileURLToPath(SCRIPT), ...args], {
    cwd: new URL("../..", import.meta.url),
    stdio: "inherit",
  });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
