/** Schedules in memory, until the service on Postgres is there. */
import type { ScheduleRun } from "../core/schedules/schedule.ts";
import type { ScheduleDetails, Schedules } from "../core/schedules/schedules.ts";

export function memorySchedules(newId: () => string): Schedules {
  const all = new Map<string, ScheduleDetails>();
  const runs: ScheduleRun[] = [];
  const change = (name: string, fields: Partial<ScheduleDetails>): Promise<ScheduleDetails | undefined> => {
    const found = all.get(name);
    if (!found) return Promise.resolve(undefined);
    const changed = { ...found, ...fields, revision: found.revision + 1, updatedAt: Date.now() };
    all.set(name, changed);
    return Promise.resolve(changed);
  };
  return {
    async put(name, definition, { ifMatch, ifNoneMatch, apiKey }) {
      const found = all.get(name);
      if (ifMatch !== undefined && found?.version !== ifMatch) return { kind: "conflict" };
      if (ifNoneMatch && found) return { kind: "conflict" };
      if (found?.definition === definition) return { kind: "unchanged", schedule: found };
      if (found) {
        const schedule = await change(name, { definition, apiKey, version: found.version + 1 });
        return { kind: "replaced", schedule: schedule as ScheduleDetails };
      }
      const now = Date.now();
      const schedule: ScheduleDetails = {
        ...{ name, id: newId(), version: 1, revision: 1, definition, pause: null, resumeCatchUp: null },
        ...{
          fileDefinition: null,
          apiKey,
          effectiveFrom: now,
          lastRun: null,
          createdAt: now,
          updatedAt: now,
          state: null,
        },
        counts: { fired: 0, late: 0, skipped: 0, missed: 0 },
      };
      all.set(name, schedule);
      return { kind: "created", schedule };
    },
    get: (name) => Promise.resolve(all.get(name)),
    list({ limit, after = "" }) {
      const names = [...all.keys()].filter((name) => name > after).sort();
      const page = names.slice(0, limit);
      const schedules = page.map((name) => all.get(name) as ScheduleDetails);
      return Promise.resolve({ schedules, next: names.length > limit ? (page.at(-1) ?? null) : null });
    },
    remove(name, ifMatch) {
      const found = all.get(name);
      if (found && ifMatch !== undefined && found.version !== ifMatch) return Promise.resolve("conflict");
      all.delete(name);
      return Promise.resolve(found);
    },
    pause: (name, pause) => change(name, { pause }),
    resume: (name, resumeCatchUp) => change(name, { pause: null, resumeCatchUp }),
    revert: (name) => Promise.resolve(all.has(name) ? "no_file" : undefined),
    runs({ id }, { limit }) {
      const own = runs.filter(({ schedule }) => schedule === id).sort((a, b) => b.tick - a.tick);
      return Promise.resolve(own.slice(0, limit));
    },
    addRuns(added) {
      for (const run of added) if (!runs.some(({ jobId }) => jobId === run.jobId)) runs.push(run);
      return Promise.resolve();
    },
  };
}
