/**
 * Which test files are pure: they test functions of their arguments, so they need neither services nor dist/, leave
 * nothing behind in a process and can share one. The direct and indirect imports of a test file decide it, so no list
 * is needed. A test file that is not pure is `live`.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Libraries that start, serve or wait for something, or take long to load. */
const IMPURE_LIBRARIES =
  /^(?:node:(?:child_process|worker_threads|timers\/promises|dgram|cluster|vm)|piscina|ioredis|sharp|uWebSockets\.js|nodemailer|@aws-sdk|typescript|autocannon)(?:\/|$)/;
/** Files that start something: the services of the run, and the peers that tests talk to. */
const IMPURE_FILES = /^src\/testing\/(?:services|global-setup|[\w-]+-peer)\.ts$/;
/** A file that runs something from dist/ names it by its relative path. */
const DIST = /"(?:\.\.\/)+dist\//;

/** An import that stays in the compiled code, at the start of a line or as a call. */
const IMPORT =
  /^(?:import|export)\s(?!type\s)(?:[^"';]*?\sfrom\s+)?"(?<static>[^"]+)"|\bimport\(\s*"(?<called>[^"]+)"/gm;

/** The pure ones of the `*.test.ts` files in these folders, as paths from `root`. */
export function pureTests(root: string, folders: readonly string[]): string[] {
  const known = new Map<string, { readonly isPure: boolean; readonly imported: readonly string[] }>();
  const look = (file: string) => {
    const seen = known.get(file);
    if (seen) return seen;
    const code = existsSync(join(root, file)) ? readFileSync(join(root, file), "utf8") : "";
    const specifiers = [...code.matchAll(IMPORT)].map(({ groups }) => groups?.["static"] ?? groups?.["called"] ?? "");
    const found = {
      isPure: !IMPURE_FILES.test(file) && !DIST.test(code) && !specifiers.some((name) => IMPURE_LIBRARIES.test(name)),
      imported: specifiers.filter((name) => name.startsWith(".")).map((name) => join(dirname(file), name)),
    };
    known.set(file, found);
    return found;
  };
  const isPure = (test: string): boolean => {
    const reached = new Set([test]);
    for (const file of reached) {
      const { isPure, imported } = look(file);
      if (!isPure) return false;
      for (const next of imported) reached.add(next);
    }
    return true;
  };
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
    )
    .filter((file) => file.endsWith(".test.ts") && isPure(file))
    .sort();
}
