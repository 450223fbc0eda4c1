/** Which waiting jobs of a type the model's claim takes. */
import { byTurn, isPoisonCandidate, type ModelJob } from "./model-job.ts";

/** What one claim has left, over all its types. */
export interface Room {
  /** For large payloads, in bytes. */
  free: number;
  /** Whether no large payload is in memory: the first may exceed `free`. */
  isUnused: boolean;
  /** How many of its jobs have one lost lease. */
  lostOnce: number;
}

export interface Most {
  readonly jobs: number;
  readonly poisonCandidates: number;
  /** The number of jobs with one lost lease that may run concurrently; undefined for any. */
  readonly together: number | undefined;
}

/**
 * The next jobs of a type. Of the poison candidates, and of the jobs with large payloads, only the first that there is
 * room for.
 * @param ready all waiting jobs of the type, next first
 */
export function nextJobs(ready: readonly ModelJob[], most: Most, room: Room): ModelJob[] {
  const isSmall = (job: ModelJob): boolean => !isPoisonCandidate(job) && job.size === 0;
  const isLarge = (job: ModelJob): boolean => !isPoisonCandidate(job) && job.size > 0;
  const turns = [
    ...fitting(ready.filter(isPoisonCandidate), Math.min(most.jobs, most.poisonCandidates), most, room),
    ...fitting(ready.filter(isLarge), Math.min(most.jobs, 50), most, room),
    ...fitting(ready.filter(isSmall), most.jobs, most, room),
  ].sort(byTurn);
  for (const { size } of turns.slice(most.jobs)) room.free += size;
  return turns.slice(0, most.jobs);
}

function fitting(jobs: readonly ModelJob[], limit: number, { together }: Most, room: Room): ModelJob[] {
  const isPutOff = ({ crashes }: ModelJob): boolean => {
    if (together === undefined || crashes !== 1) return false;
    room.lostOnce += 1;
    return room.lostOnce > together;
  };
  const taken: ModelJob[] = [];
  for (const job of jobs) {
    if (taken.length === limit || (job.size > 0 && job.size > room.free && !room.isUnused)) break;
    if (isPutOff(job)) continue;
    if (job.size > 0) Object.assign(room, { free: room.free - job.size, isUnused: false });
    taken.push(job);
  }
  return taken;
}
