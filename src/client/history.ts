/** What happened: counts per step of time, groups of errors, and what people changed. */
import type { CallOptions } from "./call-options.ts";
import type { AuditEntry } from "./contract.ts";
import type { Transport } from "./transport.ts";
import { queryOf, wireOf } from "./wire.ts";

export interface RangeOptions extends CallOptions {
  /** Inclusive. */
  readonly from?: string | Date | undefined;
  /** Exclusive. Default: now. */
  readonly to?: string | Date | undefined;
  /** Only jobs of these types. */
  readonly type?: string | readonly string[] | undefined;
}

export interface SeriesOptions extends RangeOptions {
  readonly step?: "minute" | "hour" | "day" | undefined;
  /** `type`: the answer has the counts of each type too. */
  readonly by?: "type" | undefined;
}

export interface AuditOptions extends CallOptions {
  /** Inclusive. */
  readonly from?: string | Date | undefined;
  /** Exclusive. */
  readonly to?: string | Date | undefined;
  /** Such as `jobs.cancel`. */
  readonly action?: string | undefined;
  /** The name or the id of an API key. */
  readonly key?: string | undefined;
  /** How many entries one request fetches. */
  readonly pageSize?: number | undefined;
}

export async function* auditOf(
  transport: Transport,
  { signal, pageSize, ...filters }: AuditOptions,
): AsyncGenerator<AuditEntry, void> {
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const query = queryOf(wireOf({ ...filters, limit: pageSize, cursor }));
    const page: { entries: AuditEntry[]; next_cursor: string | null } = await transport.json({
      method: "GET",
      path: `/api/v1/audit${query}`,
      signal,
      isRepeatable: true,
    });
    yield* page.entries;
    cursor = page.next_cursor;
  }
}
