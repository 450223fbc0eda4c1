/** `taskflow verify`: is every job in exactly one place, and do the counters say so? */
import type { Config } from "../config/config.ts";
import { addressOf } from "../config/redis-addr.ts";
import { StartError } from "../errors.ts";
import { Audit } from "../queue/audit.ts";
import { startErrorOf } from "../queue/unfit-server.ts";
import { ScheduleStore } from "../results/schedules/schedule-store.ts";
import { StoredJobs } from "../results/stored-jobs.ts";
import { verify } from "../verify/verification.ts";
import type { Output } from "./exit-code.ts";
import { IN_ORDER, ISSUES_FOUND } from "./exit-code.ts";
import { verifyReport } from "./verify-report.ts";

const OPEN_TIMEOUT_MS = 10_000;
/** Longer than a busy system takes from the COPY of a batch until its jobs are forgotten in Redis. */
const PAUSE_MS = 1_000;

export interface VerifyOptions {
  readonly config: Pick<Config, "REDIS_ADDR" | "DATABASE_URL" | "REDIS_NAMESPACE" | "LEASE_MS" | "RETENTION_DAYS">;
  readonly isJson: boolean;
  readonly out: Output;
  readonly pauseMs?: number;
}

/**
 * Checks a system without changing it; the system may be running. It prints a table and a line for each inconsistency.
 * @returns the exit code
 * @throws StartError if the address of Redis or Postgres is not set, or if one of them does not answer
 */
export async function verifyCommand({ config, isJson, out, pauseMs = PAUSE_MS }: VerifyOptions): Promise<number> {
  const { REDIS_ADDR: redis, DATABASE_URL: databaseUrl } = config;
  if (redis === null || databaseUrl === "")
    throw new StartError("REDIS_ADDR and DATABASE_URL must be set: they name the system to verify.");
  const audit = new Audit(redis.url, config.REDIS_NAMESPACE);
  const storedJobs = new StoredJobs(databaseUrl);
  const schedules = new ScheduleStore(databaseUrl);
  try {
    await audit.open(OPEN_TIMEOUT_MS).catch((error: unknown) => {
      throw startErrorOf(addressOf(redis), error);
    });
    await storedJobs.open();
    const verification = await verify({
      audit,
      storedJobs,
      schedules,
      namespace: config.REDIS_NAMESPACE,
      leaseMs: config.LEASE_MS,
      retentionDays: config.RETENTION_DAYS,
      pauseMs,
    });
    const { jobCounts, jobsSeen, rows, inconsistencies, unexamined, notes } = verification;
    // names that scripts may read
    const shown = { books: jobCounts, jobsSeen, rows, faults: inconsistencies, unexamined, notes };
    out.write(isJson ? `${JSON.stringify(shown, null, 2)}\n` : verifyReport(verification));
    return inconsistencies.length + unexamined === 0 ? IN_ORDER : ISSUES_FOUND;
  } finally {
    audit.close();
    await Promise.all([storedJobs.close(), schedules.close()]);
  }
}
