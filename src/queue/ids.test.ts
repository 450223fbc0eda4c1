import { describe, expect, it } from "vitest";
import { idsFrom, isId, timeOfId } from "../core/id.ts";
import { IdSource } from "./ids.ts";

const START = Date.UTC(2026, 10, 24);
const DAY_MS = 86_400_000;

/** The lower 62 bits of an id, which are random. */
const bitsOf = (id: string): bigint => BigInt(`0x${id.slice(19).replace("-", "")}`) & 0x3fff_ffff_ffff_ffffn;

describe("ids", () => {
  it("rise within a millisecond, and after the clock is corrected by less than a second", () => {
    let now = START;
    const ids = new IdSource(() => now, 5);
    const all = Array.from({ length: 3_000 }, (_, i) => {
      if (i === 1_000) now -= 900;
      if (i === 2_000) now += 1_500;
      return ids.next(i % 7 === 0 ? 50 : 1);
    });
    expect(all.every(isId)).toBe(true);
    expect(all.toSorted()).toEqual(all);
    expect(new Set(all).size).toBe(3_000);
    expect(new Set(all.map((id) => id.slice(14, 18)))).toEqual(new Set(["7005"]));
    expect(timeOfId(all[0] ?? "")).toBe(START);
  });

  it("contain the corrected time after the clock was ahead", () => {
    let now = START;
    const ids = new IdSource(() => now, 0);
    ids.next();
    now += DAY_MS;
    expect(timeOfId(ids.next())).toBe(START + DAY_MS);
    for (const at of [START + 10, START + 11, START + 3_600_000]) {
      now = at;
      expect(timeOfId(ids.next())).toBe(at);
    }
  });

  it("of one call are consecutive, and those of the next call start elsewhere", () => {
    const ids = new IdSource(() => START, 0);
    for (let round = 0; round < 500; round += 1) {
      const batch = idsFrom(ids.next(10_000), 10_000);
      expect(batch.every(isId)).toBe(true);
      expect(batch.toSorted()).toEqual(batch);
      expect(ids.next() > (batch.at(-1) ?? "")).toBe(true);
    }
  });

  it("of two sources in one process differ, although both make them in the same milliseconds", () => {
    let now = START;
    const [one, other] = [new IdSource(() => now, 0), new IdSource(() => now, 0)];
    const pairs = Array.from({ length: 1_000 }, () => {
      now += 1;
      return [one.next(), other.next()];
    });
    expect(new Set(pairs.flat()).size).toBe(2_000);
  });

  it("cannot be guessed from one another", () => {
    const ids = new IdSource(() => START, 0);
    const all = Array.from({ length: 900 }, () => bitsOf(ids.next()));
    const gaps = all
      .slice(1)
      .map((bits, i) => bits - (all[i] ?? 0n))
      .filter((gap) => gap > 0n); // negative if the millisecond was full
    expect(gaps.length).toBeGreaterThan(890);
    expect(gaps.every((gap) => gap > 1_000n)).toBe(true);
    // Each of the 52 bits is set in about half of the gaps: 5 sigma of 890 samples are 75.
    for (let bit = 0n; bit < 51n; bit += 1n) {
      const set = gaps.filter((gap) => (gap >> bit) & 1n).length;
      expect(Math.abs(set - gaps.length / 2), `bit ${bit}`).toBeLessThan(90);
    }
  });
});
