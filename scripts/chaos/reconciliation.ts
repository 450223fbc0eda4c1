/** Runs `taskflow verify` like a user. Its findings after a scenario are violations of the scenario. */
import { execFile } from "node:child_process";

export interface Reconciled {
  readonly cli: string;
  readonly redisAddr: string;
  readonly databaseUrl: string;
  readonly leaseMs: number;
  /** The job types of the replicas, because the command must know their settings. */
  readonly jobsDir: string;
}

interface Findings {
  readonly faults: readonly { readonly kind: string; readonly id: string | null; readonly text: string }[];
  readonly unexamined: number;
}

const WITHIN_MS = 120_000;
const NAMED = 5;
/** The output of a good run is small, but that of a broken run has an entry for each job. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/**
 * Runs `taskflow verify --json`. @returns a sentence for each inconsistency, or a sentence with the reason why it could
 * not run
 */
export async function reconcile(reconciled: Reconciled): Promise<string[]> {
  const { code, out, err } = await runVerify(reconciled);
  if (code !== 0 && code !== 1) return [`taskflow verify could not run: ${err.trim() || `exit code ${code}`}`];
  const { faults, unexamined } = JSON.parse(out) as Findings;
  const named = faults.slice(0, NAMED).map(({ kind, id, text }) => `taskflow verify: ${kind} ${id ?? "-"}: ${text}`);
  const more = faults.length - named.length + unexamined;
  if (more > 0) named.push(`taskflow verify: and ${more} more`);
  if (code === 1 && named.length === 0) named.push("taskflow verify exited with 1, but named no inconsistency");
  return named;
}

function runVerify({
  cli,
  redisAddr,
  databaseUrl,
  leaseMs,
  jobsDir,
}: Reconciled): Promise<{ code: number; out: string; err: string }> {
  const env = {
    PATH: process.env["PATH"] ?? "",
    REDIS_ADDR: redisAddr,
    DATABASE_URL: databaseUrl,
    LEASE_MS: String(leaseMs),
    TASKFLOW_JOBS: jobsDir,
  };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [cli, "verify", "--json"],
      { env, timeout: WITHIN_MS, maxBuffer: MAX_OUTPUT_BYTES },
      (error, out, err) => {
        // a number is the exit code; otherwise a signal ended it, or the file is missing
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        resolve({ code, out, err: err || (error?.message ?? "") });
      },
    );
  });
}
