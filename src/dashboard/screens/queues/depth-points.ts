/** The depth of a queue over time as its charts show it. */
import type { QueueHistory } from "../../../client/taskflow.ts";

export interface DepthPoint {
  /** RFC 3339. */
  readonly at: string;
  /** Null: not known. */
  readonly depth: number | null;
  readonly waitMs: number | null;
}

/**
 * A queue that stays empty has no samples, so a gap after depth 0, and the time before the first sample, is drawn as
 * empty. A gap after a deeper sample is not known: nobody looked at the queue.
 * @param from epoch ms, as `to`; no point is outside of them
 */
export function depthPoints({ step_ms: stepMs, samples }: QueueHistory, from: number, to: number): DepthPoint[] {
  const points: DepthPoint[] = [];
  let emptyFrom: number | undefined = from;
  const fill = (next: number): void => {
    if (emptyFrom === undefined || emptyFrom >= next) return;
    points.push(emptyAt(emptyFrom));
    if (next - stepMs > emptyFrom) points.push(emptyAt(next - stepMs));
  };
  let lastAt: number | undefined;
  for (const { at, depth, oldest_wait_ms: waitMs } of samples) {
    const time = Date.parse(at);
    fill(time);
    if (emptyFrom === undefined && lastAt !== undefined && time - lastAt > stepMs)
      points.push(unknownAt(lastAt + stepMs));
    points.push({ at, depth, waitMs: waitMs ?? 0 });
    emptyFrom = depth === 0 ? time + stepMs : undefined;
    lastAt = time;
  }
  fill(to);
  return points;
}

const timeText = (time: number): string => new Date(time).toISOString();

function emptyAt(time: number): DepthPoint {
  return { at: timeText(time), depth: 0, waitMs: 0 };
}

function unknownAt(time: number): DepthPoint {
  return { at: timeText(time), depth: null, waitMs: null };
}
