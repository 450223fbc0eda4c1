/**
 * `taskflow loadtest`: runs the load test in a checkout. The load test needs the sources and the development
 * dependencies, which deployments lack.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { StartError } from "../errors.ts";

const SCRIPT = new URL("../../scripts/loadtest.ts", import.meta.url);

/**
 * @param args the arguments of the load test: `--help` lists them
 * @returns its exit code
 * @throws StartError if the sources are missing
 */
export async function runLoadtest(args: readonly string[]): Promise<number> {
  if (!existsSync(SCRIPT))
    throw new StartError("loadtest: only available in a checkout of the sources: run npm run loadtest there.");
  const child = spawn(process.execPath, ["--import", "tsx", fileURLToPath(SCRIPT), ...args], {
    cwd: new URL("../..", import.meta.url),
    stdio: "inherit",
  });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
