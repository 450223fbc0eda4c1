/** A job with its attempts, as they change, and the lines that it logs while it runs. */
import { useCallback, useState } from "preact/hooks";
import type { Attempt, JobEvent, LogLine } from "../../../client/taskflow.ts";
import type { StoredJob } from "../../data/exact-json.ts";
import { readStoredJob } from "../../data/exact-json.ts";
import { useJobStream } from "../../data/job-stream.ts";
import type { Resource } from "../../data/resource.ts";
import { refreshResources, useResource } from "../../data/resource.ts";
import { isFinished } from "../../parts/status.tsx";

/** Events refresh the job at once; this is for a server that cannot open another stream. */
const READ_EVERY_MS = 5_000;
/** Lines of one attempt that the screen keeps. */
const MAX_LINES = 500;

export interface LiveJob {
  readonly stored: Resource<StoredJob>;
  readonly attempts: Resource<Attempt[]>;
  /** Of the latest event; null without one. */
  readonly progress: number | null;
  /** The lines of running attempts, by the time at which the attempt began. */
  readonly lines: ReadonlyMap<string, readonly LogLine[]>;
}

export function useJob(id: string): LiveJob {
  const [isOver, setOver] = useState(false);
  const everyMs = isOver ? 0 : READ_EVERY_MS;
  const stored = useResource(`job ${id}`, (_api, signal) => readStoredJob(id, signal), { everyMs });
  const attempts = useResource(`job ${id} attempts`, (api, signal) => api.attempts(id, { signal }), { everyMs });
  const [progress, setProgress] = useState<number | null>(null);
  const [lines, setLines] = useState<ReadonlyMap<string, readonly LogLine[]>>(new Map());
  const status = stored.data?.job.status;
  const isKnownOver = status !== undefined && isFinished(status);
  if (isKnownOver !== isOver) setOver(isKnownOver);
  const onEvent = useCallback(
    (event: JobEvent) => {
      if (event.kind === "log") setLines((all) => withLine(all, event));
      else if (event.kind === "progress") setProgress(event.progress);
      else refreshResources(`job ${id}`);
    },
    [id],
  );
  useJobStream(status === undefined || isKnownOver ? undefined : id, onEvent);
  return { stored, attempts, progress, lines };
}

/** A new stream repeats the lines that the attempt has kept. */
function withLine(
  all: ReadonlyMap<string, readonly LogLine[]>,
  line: LogLine,
): ReadonlyMap<string, readonly LogLine[]> {
  const known = all.get(line.started_at) ?? [];
  if (line.number <= (known.at(-1)?.number ?? 0)) return all;
  return new Map(all).set(line.started_at, [...known.slice(1 - MAX_LINES), line]);
}
