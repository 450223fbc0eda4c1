/** How much a caller may ask for: `100/s`, `20/10s`, `100000/d`. */

export interface RatePolicy {
  /** So many at once, and so many again in each window. */
  readonly quota: number;
  readonly windowMs: number;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const POLICY = /^(\d{1,12})\/(\d{1,4})?([smhd])$/;

/** Parses a policy; undefined if the text is not one. */
export function parseRatePolicy(text: string): RatePolicy | undefined {
  const [, quota = "", count = "1", unit = ""] = POLICY.exec(text.trim()) ?? [];
  const policy = { quota: Number(quota), windowMs: Number(count) * (UNIT_MS[unit] ?? 0) };
  return policy.quota > 0 && policy.windowMs > 0 ? policy : undefined;
}
