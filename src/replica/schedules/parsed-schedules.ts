/** Definitions as this replica has parsed them: a schedule that ticks each second is not parsed each second. */
import type { WorkingCopy } from "../../core/schedules/copies.ts";
import { loadCron } from "../../core/schedules/cron.ts";
import type { TickingSchedule } from "../../core/schedules/decide.ts";
import type { ScheduleDefinition } from "../../core/schedules/schedule.ts";
import { ticksOfSchedule } from "../../core/schedules/timing.ts";

/** Characters of the definitions in memory: 20,000 of the usual size. */
const MAX_CHARS = 16 * 1024 * 1024;

interface Parsed {
  readonly definition: string;
  readonly schedule: TickingSchedule;
}

export class ParsedSchedules {
  readonly #read: (definition: string) => ScheduleDefinition;
  /** By name; the first were parsed the longest ago. */
  readonly #parsed = new Map<string, Parsed>();
  #chars = 0;
  #loadingCron: Promise<void> | undefined;

  constructor(read: (definition: string) => ScheduleDefinition) {
    this.#read = read;
  }

  /** At once if the definition is parsed already. Rejects for one that this version of the program cannot read. */
  readonly of = (copy: WorkingCopy): TickingSchedule | Promise<TickingSchedule> => {
    const known = this.#parsed.get(copy.name);
    return known?.definition === copy.definition ? known.schedule : this.#parse(copy);
  };

  async #parse({ name, definition }: WorkingCopy): Promise<TickingSchedule> {
    this.#forget(name);
    const read = this.#read(definition);
    if (read.timing.kind === "cron") await (this.#loadingCron ??= loadCron());
    const schedule = { name, definition: read, ticks: ticksOfSchedule(read, name) };
    this.#parsed.set(name, { definition, schedule });
    this.#chars += definition.length;
    for (const [oldest] of this.#parsed) {
      if (this.#chars <= MAX_CHARS) break;
      this.#forget(oldest);
    }
    return schedule;
  }

  #forget(name: string): void {
    this.#chars -= this.#parsed.get(name)?.definition.length ?? 0;
    this.#parsed.delete(name);
  }
}
