/**
 * Job ids: UUIDv7 (RFC 9562, section 5.7). The first 48 bits are the time of acceptance in Redis time, so ids sort by
 * age, a time bound is an id bound, and Postgres receives rows nearly in index order. `rand_a` (12 bits) carries the
 * shard, `rand_b` random bits; the ids of a batch count up in its last 32.
 */

/** Characters of an id. */
export const ID_LENGTH = 36;
/** No id is less or greater than these. */
export const LOWEST_ID = "00000000-0000-0000-0000-000000000000";
export const HIGHEST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a text is a UUID in the canonical form (lower case), as job ids are. */
export function isId(text: string): boolean {
  return ID.test(text);
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

/** By value, the two digits of a byte: four times as quick as `toString` and `padStart`. */
const BYTES = Array.from({ length: 256 }, (_, value) => hex(value, 2));
const hex16 = (value: number): string => (BYTES[value >>> 8] ?? "") + (BYTES[value & 0xff] ?? "");

/** The common start of the ids of one millisecond and shard: everything except the random bits. */
export function idStart(epochMs: number, shard: number): string {
  const time = hex(epochMs, 12);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(shard, 3)}-`;
}

/** An id without its last eight digits. `high30` is 30 random bits. */
export function idPrefix(epochMs: number, shard: number, high30: number): string {
  return joinedPrefix(idStart(epochMs, shard), high30);
}

function joinedPrefix(start: string, high30: number): string {
  return `${start}${hex16(0x8000 | (high30 >>> 16))}-${hex16(high30 & 0xffff)}`; // its first two bits are the variant
}

/** An id: a prefix of {@link idPrefix} and a counter below 2^32. */
export function makeId(prefix: string, counter: number): string {
  return prefix + hex16(counter >>> 16) + hex16(counter & 0xffff);
}

/** An id: {@link idStart} and 62 random bits. */
export function idWith(start: string, high30: number, low32: number): string {
  return makeId(joinedPrefix(start, high30), low32);
}

/** The ids of one batch: `first`, and those that count up from it. */
export function idsFrom(first: string, count: number): string[] {
  const prefix = first.slice(0, 28);
  const counter = Number.parseInt(first.slice(28), 16);
  return Array.from({ length: count }, (_, i) => makeId(prefix, counter + i));
}

/** The id that follows `first` by so many in a batch. */
export function idAfter(first: string, offset: number): string {
  return makeId(first.slice(0, 28), Number.parseInt(first.slice(28), 16) + offset);
}

/**
 * When the job of this id was accepted, epoch ms. Called several times for each job, and ten times as quick as
 * parseInt.
 */
export function timeOfId(id: string): number {
  return hexValue(id, 0, 8) * 0x1_0000 + hexValue(id, 9, 13);
}

/** The value of lower-case hexadecimal digits. */
function hexValue(text: string, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    value = value * 16 + (code < 0x3a ? code - 0x30 : code - 0x57);
  }
  return value;
}

/** The lowest of these ids; undefined if there is none. */
export function lowestOf(...ids: readonly (string | undefined)[]): string | undefined {
  return ids.filter((id) => id !== undefined).sort()[0];
}

/** The lowest id that a job accepted at `epochMs` or later can have. */
export function lowestIdAt(epochMs: number): string {
  const time = hex(Math.max(0, Math.floor(epochMs)), 12);
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}
