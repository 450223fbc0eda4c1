/** Selects the types that a load test submits, their shares and their order. */
import type { LoadTest } from "../../src/core/load-test.ts";
import { builtInTypes } from "../../src/jobs/registry.ts";

/** The share of each type, above zero; their sum does not matter. */
export type Mix = ReadonlyMap<string, number>;

/** The types that a load test can submit. */
export const loadTests: ReadonlyMap<string, LoadTest<unknown>> = new Map(
  builtInTypes.flatMap(({ type, loadTest }) => (loadTest === undefined ? [] : [[type, loadTest]])),
);

export const DEFAULT_MIX: Mix = new Map([...loadTests].map(([type, { share }]) => [type, share]));

/** Parses `email:70,webhook:30`; undefined for anything else. */
export function parseMix(text: string): Mix | undefined {
  const mix = new Map<string, number>();
  for (const part of text.split(",")) {
    const [, name = "", share = ""] = /^\s*([a-z_]+):(\d+(?:\.\d+)?)\s*$/.exec(part) ?? [];
    if (!loadTests.has(name) || mix.has(name)) return undefined;
    if (Number(share) > 0) mix.set(name, Number(share));
  }
  return mix.size > 0 ? mix : undefined;
}

/**
 * Returns the types of `count` jobs, each spread evenly (smooth weighted round robin, as nginx spreads requests over
 * servers), so each part of a run has the same mix.
 */
export function typeSequence(mix: Mix, count: number): string[] {
  const total = [...mix.values()].reduce((sum, share) => sum + share, 0);
  const credits = [...mix].map(([type, share]) => ({ type, share, credit: 0 }));
  return Array.from({ length: count }, () => {
    for (const entry of credits) entry.credit += entry.share;
    const next = credits.reduce((best, entry) => (entry.credit > best.credit ? entry : best));
    next.credit -= total;
    return next.type;
  });
}
