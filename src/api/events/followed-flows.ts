/** The flows that event streams of this replica follow, and the ranges of ids by which changes of their jobs are found. */
import type { FlowState } from "../../core/flows/flow.ts";
import { idAfter } from "../../core/id.ts";
import type { Change } from "../../queue/changes.ts";
import type { Beats } from "../http/beats.ts";
import type { FlowFollower, FollowedFlowOptions } from "./followed-flow.ts";
import { FollowedFlow } from "./followed-flow.ts";

/** The ids of one range agree in their first characters; the others count up, in hexadecimal. */
const PREFIX_LENGTH = 28;

/** From one id to another, both included. */
interface Range {
  readonly from: string;
  readonly to: string;
}

export interface FollowedFlowsOptions extends Pick<FollowedFlowOptions, "work"> {
  /** Triggers a look at each flow once per period, in case a change was missed. */
  readonly beats: Beats;
}

export class FollowedFlows {
  readonly #options: FollowedFlowsOptions;
  readonly #byId = new Map<string, FollowedFlow>();
  /** By the prefix of ids: for each flow, a range that has all of its ids with this prefix. */
  readonly #byPrefix = new Map<string, Map<FollowedFlow, Range>>();

  constructor(options: FollowedFlowsOptions) {
    this.#options = options;
  }

  /** Whether a followed flow has this job. */
  has(jobId: string): boolean {
    return this.#byPrefix.size > 0 && this.#flowsOf(jobId).length > 0;
  }

  join(id: string, follower: FlowFollower, read: FollowedFlowOptions["read"]): FollowedFlow {
    let flow = this.#byId.get(id);
    if (!flow) {
      const { work, beats } = this.#options;
      const followed: FollowedFlow = new FollowedFlow({
        id,
        read,
        work,
        onRanges: (state) => this.#addRanges(followed, state),
      });
      flow = followed;
      this.#byId.set(id, flow);
      beats.add(flow);
    }
    flow.add(follower);
    return flow;
  }

  leave(flow: FollowedFlow, follower: FlowFollower): void {
    flow.delete(follower);
    if (flow.size > 0) return;
    flow.close();
    this.#byId.delete(flow.id);
    this.#options.beats.delete(flow);
    for (const [prefix, ranges] of this.#byPrefix)
      if (ranges.delete(flow) && ranges.size === 0) this.#byPrefix.delete(prefix);
  }

  *take(changes: readonly Change[]): Generator<void> {
    if (this.#byPrefix.size === 0) return;
    for (const { id } of changes) for (const flow of this.#flowsOf(id)) flow.change();
    yield;
  }

  *lookAtAll(): Generator<void> {
    for (const flow of this.#byId.values()) {
      flow.look();
      yield;
    }
  }

  #flowsOf(jobId: string): FollowedFlow[] {
    const ranges = [...(this.#byPrefix.get(jobId.slice(0, PREFIX_LENGTH)) ?? [])];
    return ranges.filter(([, { from, to }]) => from <= jobId && jobId <= to).map(([flow]) => flow);
  }

  /** @returns whether ids were added */
  #addRanges(flow: FollowedFlow, { graph }: FlowState): boolean {
    let hasNew = false;
    for (const { ids } of graph.nodes)
      for (const { first, count } of ids) {
        const prefix = first.slice(0, PREFIX_LENGTH);
        const last = idAfter(first, count - 1);
        const ranges = this.#byPrefix.get(prefix) ?? new Map<FollowedFlow, Range>();
        const { from, to } = ranges.get(flow) ?? { from: first, to: "" };
        if (from <= first && last <= to) continue;
        hasNew = true;
        this.#byPrefix.set(prefix, ranges.set(flow, { from: from < first ? from : first, to: to > last ? to : last }));
      }
    return hasNew;
  }
}
