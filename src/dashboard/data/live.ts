/** Follows the jobs that this page shows, through the browser's one event stream. */
import { useEffect } from "preact/hooks";
import type { JobChange, JobEvent } from "../../client/taskflow.ts";
import { SERVER_URL } from "../app/base.ts";
import { LiveHub } from "./live-hub.ts";
import { BEAT_MS } from "./live-messages.ts";
import { currentKey } from "./session.ts";

export interface LiveHooks {
  readonly onChange: (change: JobChange) => void;
  /** Changes may have been missed: the rows must be read again. */
  readonly onGap: () => void;
}

/** The name of the worker's file; the build sets it. */
declare const LIVE_WORKER: string;

interface Follower extends LiveHooks {
  readonly ids: readonly string[];
}

const followers = new Set<Follower>();
let send: ((ids: readonly string[]) => void) | undefined;

/** Follows these jobs while the component is mounted. Finished jobs need not be among them. */
export function useLiveJobs(ids: readonly string[], hooks: LiveHooks): void {
  const joined = ids.join();
  useEffect(() => {
    if (ids.length === 0) return undefined;
    const follower: Follower = { ids, ...hooks };
    followers.add(follower);
    announce();
    return () => {
      followers.delete(follower);
      announce();
    };
  }, [joined]);
}

function announce(): void {
  send ??= connect();
  send([...new Set([...followers].flatMap(({ ids }) => ids))]);
}

function connect(): (ids: readonly string[]) => void {
  let ids: readonly string[] = [];
  const post = opened(receive);
  setInterval(() => post(followOf(ids)), BEAT_MS);
  return (next) => {
    ids = next;
    post(followOf(ids));
  };
}

function followOf(ids: readonly string[]): Parameters<LiveHub["follow"]>[1] {
  return { url: SERVER_URL, apiKey: currentKey(), ids };
}

type Post = (follow: ReturnType<typeof followOf>) => void;

function opened(onEvent: (event: JobEvent) => void): Post {
  if (typeof SharedWorker === "undefined") {
    const hub = new LiveHub();
    const page = {};
    return (follow) => hub.follow(page, follow, onEvent);
  }
  const worker = new SharedWorker(`${SERVER_URL}/ui/assets/${LIVE_WORKER}`, { type: "module", name: "taskflow" });
  worker.port.onmessage = ({ data }: MessageEvent<JobEvent>) => onEvent(data);
  return (follow) => worker.port.postMessage(follow);
}

function receive(event: JobEvent): void {
  for (const follower of followers) {
    if (event.kind === "gap") follower.onGap();
    else if (event.kind !== "log" && follower.ids.includes(event.id)) follower.onChange(event);
  }
}
