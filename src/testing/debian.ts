/** Programs of Debian packages that tests of `npm run test:full` run. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

/**
 * Installs a package if its program is missing. @param program the full path @throws if the package cannot be installed
 */
export function needDebian(name: string, program: string): string {
  if (existsSync(program)) return program;
  if (process.getuid?.() !== 0) throw new Error(`${program} is missing: apt-get install ${name}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  execFileSync("apt-get", ["update"], { stdio: "ignore", env });
  execFileSync("apt-get", ["install", "-y", "--no-install-recommends", name], { stdio: "ignore", env });
  if (!existsSync(program)) throw new Error(`the package ${name} has no ${program}`);
  return program;
}
