/** Working copies of schedules that this replica has read or stored: a take sends only the states. */
import type { WorkingCopy } from "../core/schedules/copies.ts";
import type { ScheduleState } from "../core/schedules/schedule.ts";

/** Characters of the definitions in memory: 40,000 of the usual size. */
const MAX_CHARS = 16 * 1024 * 1024;

export class KnownCopies {
  /** By name; the first were added the longest ago. */
  readonly #copies = new Map<string, WorkingCopy>();
  #chars = 0;

  /** The copy that a state belongs to; undefined if it is not known. */
  of(name: string, { id, revision }: Pick<ScheduleState, "id" | "revision">): WorkingCopy | undefined {
    const copy = this.#copies.get(name);
    return copy?.id === id && copy.revision === revision ? copy : undefined;
  }

  add(copy: WorkingCopy): void {
    this.#forget(copy.name);
    this.#copies.set(copy.name, copy);
    this.#chars += copy.definition.length;
    for (const [oldest] of this.#copies) {
      if (this.#chars <= MAX_CHARS) break;
      this.#forget(oldest);
    }
  }

  #forget(name: string): void {
    this.#chars -= this.#copies.get(name)?.definition.length ?? 0;
    this.#copies.delete(name);
  }
}
