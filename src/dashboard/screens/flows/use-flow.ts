/** A flow or batch as it changes, with the changes since the page was opened. */
import { useRef, useState } from "preact/hooks";
import type { Flow } from "../../../client/taskflow.ts";
import type { ResourceState } from "../../data/resource.ts";
import { useResource } from "../../data/resource.ts";
import { client } from "../../data/session.ts";
import { useStream } from "../../data/stream.ts";
import type { FlowChange } from "./flow-changes.ts";
import { changesBetween } from "./flow-changes.ts";

/** Events bring each state at once; this is for a server that cannot open another stream. */
const READ_EVERY_MS = 5_000;
/** Changes that the page keeps. */
const MAX_CHANGES = 500;

export interface LiveFlow extends ResourceState<Flow> {
  /** Newest first. */
  readonly changes: readonly FlowChange[];
}

export function useFlow(id: string): LiveFlow {
  const [isOver, setOver] = useState(false);
  const read = useResource(`flow ${id}`, (api, signal) => api.flows.get(id, { signal }), {
    everyMs: isOver ? 0 : READ_EVERY_MS,
  });
  const [event, setEvent] = useState<{ readonly flow: Flow; readonly at: number } | undefined>(undefined);
  const isEventNewer = event !== undefined && event.at > (read.readAt ?? 0);
  const flow = isEventNewer ? event.flow : read.data;
  const isEnded = flow !== undefined && flow.status !== "running";
  if (isEnded !== isOver) setOver(isEnded);
  useStream(flow === undefined || isEnded ? undefined : id, statesOf, (next) =>
    setEvent({ flow: next, at: Date.now() }),
  );
  const changes = useChanges(flow);
  if (!isEventNewer) return { ...read, changes };
  return { data: event.flow, error: read.error, readAt: event.at, changes };
}

function statesOf(id: string, signal: AbortSignal): AsyncIterable<Flow> {
  return client().flows.events(id, { signal });
}

function useChanges(flow: Flow | undefined): readonly FlowChange[] {
  const seen = useRef<{ flow: Flow | undefined; changes: readonly FlowChange[] }>({ flow: undefined, changes: [] });
  const { current } = seen;
  if (flow !== undefined && flow !== current.flow) {
    const made = current.flow
      ? changesBetween(current.flow, flow, Date.now(), (current.changes[0]?.number ?? 0) + 1)
      : [];
    if (made.length > 0) current.changes = [...made.reverse(), ...current.changes].slice(0, MAX_CHANGES);
    current.flow = flow;
  }
  return current.changes;
}
