/**
 * Calls each member once per period. The calls are spread evenly over the period, because many at once would block the
 * event loop.
 */

const SLOTS = 60;

export interface Beating {
  onBeat(): void;
}

export class Beats {
  readonly #periodMs: number;
  readonly #slots: readonly Set<Beating>[] = Array.from({ length: SLOTS }, () => new Set());
  readonly #slotOf = new Map<Beating, Set<Beating>>();
  #added = 0;
  #turn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  add(member: Beating): void {
    const slot = this.#slots[(this.#added += 1) % SLOTS] as Set<Beating>;
    slot.add(member);
    this.#slotOf.set(member, slot);
    this.#timer ??= setInterval(() => this.#beat(), this.#periodMs / SLOTS);
  }

  delete(member: Beating): void {
    this.#slotOf.get(member)?.delete(member);
    if (!this.#slotOf.delete(member) || this.#slotOf.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #beat(): void {
    this.#turn += 1;
    for (const member of [...(this.#slots[this.#turn % SLOTS] ?? [])]) member.onBeat();
  }
}
