import { describe, expect, it } from "vitest";
import { at } from "../core/at.ts";
import type { FlowNode, NewFlow } from "../core/flows/flow.ts";
import { slicesOf } from "../core/flows/id-ranges.ts";
import { idsFrom } from "../core/id.ts";
import type { Job } from "../core/job.ts";
import { flowOf, settleMembers, stateAtStart, submittedFlow } from "../testing/flows.ts";
import { enqueueRaw, idsOf } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import type { Queue } from "./queue.ts";

const test = setUpQueues();

/** Claims all ready jobs and settles them. */
async function runAll(queue: Queue): Promise<Job[]> {
  const { claimed } = await test().claim(queue, { noop: 1_000 });
  await settleMembers(queue, claimed);
  return [...claimed];
}

/** Continues what the scripts left. */
async function advanceAll(queue: Queue): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    const { works } = await queue.flows.take();
    if (works.length === 0) return;
    await queue.flows.advance(works.flatMap((work) => (work.kind === "advance" ? [work.flow] : [])));
  }
  throw new Error("the work of the flow does not end");
}

describe("a retry", () => {
  it("is enqueued once, and rejected while Redis has the flow because of another", async () => {
    const queue = await test().replica();
    const flow = flowOf(queue, [{ name: "a" }]);
    const again = (retryId: string, key?: string): Promise<unknown> =>
      enqueueRaw(queue, {
        ...submittedFlow(flow),
        flow: { kind: "new", id: flow.id, graph: flow.graph, preset: { state: stateAtStart(flow), retryId } },
        ...(key !== undefined && { idempotency: { key, fingerprint: "f", ttlMs: 60_000 } }),
      });
    const [one, two] = [queue.ids.next(), queue.ids.next()];
    expect(await again(one, "k")).toEqual({ kind: "enqueued" });
    expect(await again(one)).toEqual({ kind: "enqueued" });
    expect(await again(two)).toEqual({ kind: "running" });
    expect(await again(two, "other")).toEqual({ kind: "running" });
    expect(await again(two, "k")).toEqual({ kind: "replayed", firstId: one });
    expect(await queue.knownKey("other")).toBeUndefined();
    expect(idsOf(await runAll(queue))).toEqual([at(flow.jobs, 0).id]);
  });

  describe("with jobs that were prepared", () => {
    const RETRY = "01969000-0000-7000-8000-000000000001";
    const OTHER = "01969000-0000-7000-8000-000000000002";
    const PARTS = [200, 150];
    const PREPARED = 350;
    const ids = (jobs: NewFlow["jobs"]): string[] => jobs.map(({ id }) => id);

    function batchOf(queue: Queue): NewFlow {
      const flow = flowOf(
        queue,
        [
          { name: "jobs", batch: 360 },
          { name: "last", after: ["jobs"] },
        ],
        { kind: "batch" },
      );
      const [jobs, ...others] = flow.graph.nodes as [FlowNode, ...FlowNode[]];
      return { ...flow, graph: { ...flow.graph, nodes: [{ ...jobs, ids: [...slicesOf(jobs.ids, 140)] }, ...others] } };
    }

    /** Prepares jobs for a retry of a batch, part by part. @returns how each ended */
    async function prepare(queue: Queue, { id, jobs }: NewFlow, retryId = RETRY, from = 0): Promise<string[]> {
      const kinds: string[] = [];
      let position = 0;
      for (const [nth, count] of PARTS.entries()) {
        const part = jobs.slice(position, position + count);
        const flow = { kind: "prepare", id, retryId, position } as const;
        const submitted = { ids: ids(part), submissions: part.map((job) => job.submission), flow };
        if (nth >= from) kinds.push((await enqueueRaw(queue, submitted)).kind);
        position += count;
      }
      return kinds;
    }

    async function start(queue: Queue, flow: NewFlow, prepared?: number, retryId = RETRY): Promise<string> {
      const { id, graph } = flow;
      const preset = {
        ...{ state: stateAtStart(flow), retryId },
        ...(prepared !== undefined && { prepared, mayWait: true }),
      };
      const rest = { ...flow, jobs: flow.jobs.slice(PREPARED) };
      return (await enqueueRaw(queue, { ...submittedFlow(rest), flow: { kind: "new", id, graph, preset } })).kind;
    }

    it("starts them with the flow, each once", async () => {
      const queue = await test().replica();
      const flow = batchOf(queue);
      for (let times = 0; times < 2; times += 1) expect(await prepare(queue, flow)).toEqual(["enqueued", "enqueued"]);
      expect(await runAll(queue)).toEqual([]);
      expect(await queue.jobCounts()).toMatchObject({ accepted: PREPARED, types: [{ waiting: PREPARED }] });
      expect(await queue.flows.repairs.orphans("0")).toMatchObject({ orphans: [] });
      for (let times = 0; times < 2; times += 1) expect(await start(queue, flow, PREPARED)).toBe("enqueued");
      await advanceAll(queue);
      expect(await queue.flows.repairs.overdue("")).toMatchObject({ overdue: [], gone: [] });
      expect(idsOf(await runAll(queue)).sort()).toEqual(ids(flow.jobs.slice(0, 360)));
      expect(idsOf(await runAll(queue))).toEqual([at(flow.jobs, 360).id]);
      expect((await queue.flows.read([flow.id]))[0]).toMatchObject({ status: "completed" });
      expect((await queue.flows.take()).works).toMatchObject([{ kind: "ended" }]);
    });

    it("is refused, with its parts, beside another one", async () => {
      const queue = await test().replica();
      const flow = batchOf(queue);
      await prepare(queue, flow);
      const other = { ...flow, jobs: batchOf(queue).jobs };
      expect(await prepare(queue, other, OTHER)).toEqual(["running", "running"]);
      expect([await start(queue, other, PREPARED, OTHER), await start(queue, other, undefined, OTHER)]).toEqual([
        "running",
        "running",
      ]);
      expect(await queue.jobCounts()).toMatchObject({ accepted: PREPARED });
      expect(await start(queue, flow, PREPARED)).toBe("enqueued");
      expect(await prepare(queue, other, OTHER)).toEqual(["running", "running"]);
    });

    it("is refused unless all that was prepared for it is there", async () => {
      const queue = await test().replica();
      const flow = batchOf(queue);
      expect(await start(queue, flow, PREPARED)).toBe("running");
      expect(await prepare(queue, flow, RETRY, 1)).toEqual(["running"]);
      await prepare(queue, flow);
      expect([await start(queue, flow, 200), await start(queue, flow)]).toEqual(["running", "running"]);
      await queue.flows.dropPrepared(flow.id, OTHER);
      expect((await queue.flows.take()).works).toEqual([]);
      await queue.flows.dropPrepared(flow.id, RETRY);
      const [work] = (await queue.flows.take()).works;
      expect(work).toMatchObject({ kind: "prepared", flow: flow.id });
      const found = work?.kind === "prepared" ? work.ids.flatMap(({ first, count }) => idsFrom(first, count)) : [];
      expect(found.sort()).toEqual(ids(flow.jobs.slice(0, PREPARED)));
      expect(await start(queue, flow, PREPARED)).toBe("running");
      await queue.flows.dropped(flow.id);
      expect((await queue.flows.take()).works).toEqual([]);
      expect(await start(queue, flow, PREPARED)).toBe("running");
    });
  });
});
