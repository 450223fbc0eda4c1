/** A job that a screen watches until it ends. */
import { useEffect, useState } from "preact/hooks";
import type { Job } from "../../client/taskflow.ts";
import { isFinished } from "../parts/status.tsx";
import { useLiveJobs } from "./live.ts";
import { useResource } from "./resource.ts";

/** For servers whose events do not reach the browser, such as behind a proxy that buffers. */
const READ_EVERY_MS = 2_000;

export interface WatchedJob {
  /** Undefined until the first answer. */
  readonly job: Job | undefined;
  readonly error: Error | undefined;
}

export function useWatchedJob(id: string): WatchedJob {
  const [isOver, setOver] = useState(false);
  const everyMs = isOver ? 0 : READ_EVERY_MS;
  const { data, error, refresh } = useResource(`watched/${id}`, (api, signal) => api.get(id, { signal }), { everyMs });
  const [live, setLive] = useState<Partial<Pick<Job, "status" | "progress">>>({});
  useLiveJobs(isOver ? [] : [id], {
    onChange: ({ status, progress }) => {
      // an event has no result and no error
      if (isFinished(status)) refresh();
      else setLive({ status, progress });
    },
    onGap: refresh,
  });
  const isReadOver = data !== undefined && isFinished(data.status);
  useEffect(() => setOver(isReadOver), [isReadOver]);
  return { job: data && !isReadOver ? { ...data, ...live } : data, error };
}
