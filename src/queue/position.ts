/** The position of one job in its queue, and what it may wait for: the reply of position.lua. */
import { at } from "../core/at.ts";
import type { FlowState } from "../core/flows/flow.ts";
import type { Job } from "../core/job.ts";
import type { Reply } from "./connection.ts";
import { predecessorsOf } from "./flow-fields.ts";

export interface QueuePosition {
  /** Redis's time, epoch ms. */
  readonly now: number;
  readonly job: Job;
  /** Jobs of its queue before it; null if it is not in its queue. */
  readonly ahead: number | null;
  /** Jobs in its queue. */
  readonly depth: number;
  /** When it may start, if it is scheduled or to be retried; epoch ms. */
  readonly dueAt: number | null;
  readonly isPaused: boolean;
  /** Running jobs of its type, on all replicas. */
  readonly running: number;
  /** The JSON that each live replica stores about itself. */
  readonly replicas: readonly string[];
  /** Of a waiting job: the nodes of its flow that it waits for, and that have not ended; else empty. */
  readonly waitingFor: readonly WaitingFor[];
}

export interface WaitingFor {
  /** The name of the node. */
  readonly node: string;
  /** Its job; null for a batch. */
  readonly jobId: string | null;
  /** Whether its jobs may run. */
  readonly isStarted: boolean;
}

/** The nodes that a node of a flow waits for. */
export function waitingFor({ graph, nodes }: FlowState, node: number): WaitingFor[] {
  const own = graph.nodes[node];
  if (!own) return [];
  return predecessorsOf(own).flatMap((i) => {
    const [other, state] = [at(graph.nodes, i), at(nodes, i)];
    if (state.outcome !== null) return [];
    return [
      {
        node: other.name,
        jobId: other.type === null ? null : (other.ids[0]?.first ?? null),
        isStarted: state.isStarted,
      },
    ];
  });
}

/** @param job as it was read just before */
export function readPosition(job: Job, reply: Reply): QueuePosition {
  const [now, ahead, depth, dueAt, isPaused, running, ...replicas] = reply as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    ...string[],
  ];
  return {
    now,
    job,
    ahead: ahead === -1 ? null : ahead,
    depth,
    dueAt: dueAt === 0 ? null : dueAt,
    isPaused: isPaused === 1,
    running,
    replicas,
    waitingFor: [],
  };
}
