/** Limits the number of error groups: a handler may put any text into a message or a code. */

export interface GroupKey {
  readonly type: string;
  readonly code: string;
  readonly signature: string;
}

/** The distinct groups of an hour that one recorder counts; it counts further ones together, for each type. */
export const MAX_GROUPS = 1_000;
export const OTHER = "(other)";
/** Outcomes of an outage belong to earlier hours. These many hours are remembered: at most 10 MB of hostile texts. */
const MAX_HOURS = 24;

export class GroupLimit {
  /** The groups of each hour, the hour used longest ago first. */
  readonly #hours = new Map<number, Set<string>>();

  /** @returns the group under which a failure of this hour counts */
  groupOf(hour: number, group: GroupKey): GroupKey {
    const known = this.#knownIn(hour);
    const key = JSON.stringify([group.type, group.code, group.signature]);
    if (known.has(key)) return group;
    if (known.size >= MAX_GROUPS) return { type: group.type, code: OTHER, signature: OTHER };
    known.add(key);
    return group;
  }

  #knownIn(hour: number): Set<string> {
    const known = this.#hours.get(hour) ?? new Set();
    this.#hours.delete(hour);
    this.#hours.set(hour, known);
    const [oldest] = this.#hours.keys();
    if (this.#hours.size > MAX_HOURS && oldest !== undefined) this.#hours.delete(oldest);
    return known;
  }
}
