/** The flows of a replica: what the API does with them, and the keeper, which every replica has. */
import type { FlowState } from "../../core/flows/flow.ts";
import type { Flows } from "../../core/flows/flows.ts";
import type { CallbackOf } from "../../core/job.ts";
import { DAY_MS } from "../../core/time.ts";
import type { FlowResults } from "../../execute/resolve-references.ts";
import type { Metrics } from "../../observability/metrics.ts";
import type { Queue } from "../../queue/queue.ts";
import type { AcceptanceLogWriter } from "../../results/acceptance-log/writer.ts";
import type { FlowStore } from "../../results/flows/flow-store.ts";
import type { Recorder } from "../../results/recorder/recorder.ts";
import type { Store } from "../../results/store.ts";
import type { BulkParts } from "../bulk.ts";
import type { ReplicaOptions } from "../replica.ts";
import { submissionPipeline } from "../submission-pipeline.ts";
import { warning } from "../warning.ts";
import { EndedFlows } from "./ended-flows.ts";
import { FlowRepair } from "./flow-repair.ts";
import { flowResults } from "./flow-results.ts";
import { FlowKeeper } from "./keeper.ts";
import { FlowService } from "./service.ts";

export interface OpenFlowsParts {
  readonly queue: Queue;
  readonly store: Store;
  readonly flowStore: FlowStore;
  readonly acceptanceLogWriter: AcceptanceLogWriter;
  readonly recorder: Recorder;
  readonly metrics: Pick<Metrics, "countFlow" | "observeFlowRecorded">;
  readonly callbackOf: CallbackOf;
  readonly cancelWaiting: BulkParts["cancelWaiting"];
}

export interface OpenFlows {
  readonly flows: Flows;
  readonly results: FlowResults;
  /** Begins to do the work of flows. */
  readonly start: () => void;
  /** Begins no more work. Idempotent. */
  readonly stop: () => Promise<void>;
}

export function openFlows({ config, log, replica }: ReplicaOptions, parts: OpenFlowsParts): OpenFlows {
  const { queue, store, flowStore, acceptanceLogWriter, metrics } = parts;
  const ended = new EndedFlows({
    queue,
    flowStore,
    onEnded: (flow: FlowState) => {
      const { id, status, graph, finishedAt } = flow;
      metrics.countFlow(graph.kind, status);
      metrics.observeFlowRecorded(Math.max(0, queue.clock.now() - (finishedAt ?? 0)) / 1_000);
      log.info(
        { flow_id: id, kind: graph.kind, ...(graph.name !== null && { name: graph.name }), status },
        "flow ended",
      );
    },
  });
  const service = new FlowService({
    queue,
    store,
    flowStore,
    enqueue: submissionPipeline({
      ...{ queue, acceptanceLogWriter, store, flowStore },
      retentionMs: config.RETENTION_DAYS * DAY_MS,
    }),
    storeEnded: (id) => ended.store([id], { isForgotten: true }),
  });
  const keeper = new FlowKeeper({
    ...parts,
    ended,
    onClosed: (id) => log.warn({ flow_id: id }, "a batch closed itself: nobody has closed it in time"),
    onError: warning(log, "the work of flows could not be done yet"),
  });
  const repair = new FlowRepair({
    ...{ queue, flowStore, replica },
    cancelOrphans: (ids) => keeper.cancelOrphans(ids),
    onRepaired: (id, jobs) => log.warn({ flow_id: id, jobs }, "counted jobs of a flow that had ended without it"),
    onOrphans: (jobs) => log.warn({ jobs }, "cancelled jobs that waited for others of a flow that Redis has lost"),
    onError: warning(log, "flows could not be checked; trying again"),
  });
  return {
    flows: service,
    results: flowResults({ queue, flowStore }),
    start: () => {
      keeper.start();
      repair.start();
    },
    stop: async () => {
      await repair.close();
      await keeper.close();
    },
  };
}
