/** The measure of most figures: from the first POST to the last committed row, under a saturating load. */
import { lastCommitted } from "./committed.ts";
import type { Speed } from "./comparison.ts";
import type { Competitor, Running } from "./competitors/competitor.ts";
import type { Bench } from "./figure.ts";

export interface LoadShape {
  readonly body: string;
  readonly connections: number;
  readonly seconds: number;
}

/** A job of some 100 bytes, of a type that does nothing. */
export const SMALL_BODY =
  '{"type":"noop","payload":{"to":"user@example.com","subject":"Welcome!","body":"Thanks for signing up"}}';

/** 64 connections that each wait for an answer saturate every competitor. */
export function saturating({ isQuick }: Bench): LoadShape {
  return { body: SMALL_BODY, connections: 64, seconds: isQuick ? 2 : 6 };
}

/**
 * Warms a competitor up for a third of the time, then measures: `jobsPerSecond` is committed rows, from the first
 * submission to the last commit, so the drain counts.
 * @throws {Error} if a submission is rejected, or an accepted job has no row
 */
export async function measureEndToEnd(
  bench: Bench,
  { url, program }: Running,
  competitor: Competitor,
  shape: LoadShape,
): Promise<Speed> {
  const { services, generator } = bench;
  const load = { url: url + competitor.path, ...shape };
  const warm = await generator.run({ ...load, seconds: Math.max(1, Math.round(shape.seconds / 3)) });
  const { rows: before } = await lastCommitted(services, competitor.table, warm.accepted);
  const cpuMs = (): { program: number; redis: number; postgres: number } => ({
    program: program.cpuMs(),
    ...services.cpuMs(),
  });
  const cpuBefore = cpuMs();
  const startedAt = performance.now();
  const { accepted, p99Ms } = await generator.run(load);
  const submittedAt = performance.now();
  const { rows: after, at } = await lastCommitted(services, competitor.table, before + accepted);
  const cpuAfter = cpuMs();
  const rows = after - before;
  if (rows > accepted + shape.connections) throw new Error(`${rows} rows for ${accepted} submissions`);
  return {
    jobsPerSecond: (rows * 1_000) / (at - startedAt),
    submittedPerSecond: (accepted * 1_000) / (submittedAt - startedAt),
    p99Ms,
    programUs: ((cpuAfter.program - cpuBefore.program) * 1_000) / rows,
    redisUs: ((cpuAfter.redis - cpuBefore.redis) * 1_000) / rows,
    postgresUs: ((cpuAfter.postgres - cpuBefore.postgres) * 1_000) / rows,
    postgresBytesPerJob: (await services.tableBytes(competitor.table)) / after,
  };
}
