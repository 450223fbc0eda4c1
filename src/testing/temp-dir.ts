import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A new empty folder, and how to remove it with all that is in it. */
export function makeTempDir(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "taskflow-test-"));
  chmodSync(path, 0o755); // a Postgres that root starts runs as another user
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
