/** Values that follow from a schedule alone, so that every replica, and every repeat, computes the same. */
import { idStart, idWith } from "../id.ts";
import { DAY_MS } from "../time.ts";

/**
 * The id of a tick's job: a UUIDv7, the same for every version of the schedule. A Redis that has forgotten a tick decides
 * it again by the definition of that moment, which may be a later one. The time of the id is the tick, or `now` for a
 * tick that is more than a day old: such an id could belong to a partition of the history that retention is about to
 * delete. Its other bits are a digest.
 */
export function jobIdOf(scheduleId: string, tick: number, now: number): string {
  const time = tick < now - DAY_MS ? now : tick;
  const facts = `${scheduleId} ${tick}`;
  return idWith(idStart(time, hashOf(facts, 1) & 0xfff), hashOf(facts, 2) >>> 2, hashOf(facts, 3));
}

/** The delay of a tick, 0 to `jitterMs`. */
export function jitterOf(scheduleId: string, tick: number, jitterMs: number): number {
  return jitterMs === 0 ? 0 : Math.floor((hashOf(`${scheduleId} ${tick}`, 4) / 2 ** 32) * (jitterMs + 1));
}

/** 32 bits: MurmurHash3 of the characters, which spreads equal beginnings well. Core has no SHA-256. */
export function hashOf(text: string, seed: number): number {
  let state = Math.imul(seed, 0x9e3779b1);
  for (let at = 0; at < text.length; at++) {
    let block = Math.imul(text.charCodeAt(at), 0xcc9e2d51);
    block = Math.imul((block << 15) | (block >>> 17), 0x1b873593);
    state ^= block;
    state = (Math.imul((state << 13) | (state >>> 19), 5) + 0xe6546b64) | 0;
  }
  state ^= text.length;
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}
