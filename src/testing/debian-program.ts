/** Programs of Debian that tests run. Only for `npm run test:full`, which may download. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Installs the package of a program if the program is missing. @returns the program's path */
export function debianProgram(path: string, pkg: string): string {
  if (existsSync(path)) return path;
  if (process.getuid?.() !== 0)
    throw new Error(`${path} is missing: install the Debian package ${pkg}, or run the tests as root`);
  const apt = (...args: readonly string[]): unknown =>
    execFileSync("apt-get", ["-qq", ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", "ignore", "inherit"],
    });
  apt("update");
  apt("install", "-y", "--no-install-recommends", pkg);
  if (!existsSync(path)) throw new Error(`the Debian package ${pkg} has no ${path}`);
  return path;
}
