/** Which types a load test submits, in which proportions and order. */

const LOAD_TYPES = ["email", "webhook", "image_resize", "data_export"] as const;
export type LoadType = (typeof LOAD_TYPES)[number];

/** The share of each type, above zero; their sum does not matter. */
export type Mix = ReadonlyMap<LoadType, number>;

export const DEFAULT_MIX: Mix = new Map<LoadType, number>([
  ["email", 40],
  ["webhook", 40],
  ["image_resize", 10],
  ["data_export", 10],
]);

/** Reads `email:70,webhook:30`; undefined for anything else. */
export function parseMix(text: string): Mix | undefined {
  const mix = new Map<LoadType, number>();
  for (const part of text.split(",")) {
    const [, name = "", share = ""] = /^\s*([a-z_]+):(\d+(?:\.\d+)?)\s*$/.exec(part) ?? [];
    const type = LOAD_TYPES.find((known) => known === name);
    if (type === undefined || mix.has(type)) return undefined;
    if (Number(share) > 0) mix.set(type, Number(share));
  }
  return mix.size > 0 ? mix : undefined;
}

/**
 * The types of `count` jobs, each as evenly spread as its share allows (smooth weighted round robin, as nginx spreads
 * requests over servers), so that every stretch of a run has the mix of the whole.
 */
export function typeSequence(mix: Mix, count: number): LoadType[] {
  const total = [...mix.values()].reduce((sum, share) => sum + share, 0);
  const credits = [...mix].map(([type, share]) => ({ type, share, credit: 0 }));
  return Array.from({ length: count }, () => {
    for (const entry of credits) entry.credit += entry.share;
    const next = credits.reduce((best, entry) => (entry.credit > best.credit ? entry : best));
    next.credit -= total;
    return next.type;
  });
}
