/** Builds the graph of a flow from its nodes and the references in their payloads. */
import { at } from "../at.ts";
import type { DraftNode, When } from "./flow.ts";
import { RESULTS_TYPE } from "./graph.ts";

/** What a payload reads of another node, by its index. */
interface Needed {
  readonly node: number;
  readonly part: "result" | "error";
}

export interface DraftedNode {
  readonly name: string;
  /** Null for a batch. */
  readonly type: string | null;
  readonly when: When;
  readonly after: readonly number[];
  readonly maxFailures?: number | undefined;
  readonly jobs: number;
  /** Indexes, among its jobs, of those whose payload has references or escapes. */
  readonly templates: readonly number[];
  readonly needs: readonly Needed[];
}

/**
 * The nodes of a graph: those given, and after them one for each batch whose result is read, which collects its results.
 */
export function draftNodes(given: readonly DraftedNode[]): DraftNode[] {
  const needs = given.flatMap((node) => node.needs);
  const isCollected = new Set(needs.filter(isResultOfBatch).map(({ node }) => node));
  const collectors = new Map([...isCollected].sort((a, b) => a - b).map((batch, nth) => [batch, given.length + nth]));
  const kept = new Set(needs.filter((need) => !isResultOfBatch(need)).map(({ node }) => node));
  function isResultOfBatch({ node, part }: Needed): boolean {
    return part === "result" && at(given, node).type === null;
  }
  const sourceOf = (need: Needed): number => (isResultOfBatch(need) && collectors.get(need.node)) || need.node;
  const nodes = given.map(({ needs: own, templates, maxFailures, ...node }, index): DraftNode => {
    const sources = new Set(own.map(sourceOf));
    for (const earlier of node.after) sources.delete(earlier);
    return {
      ...node,
      waitsFor: [...sources],
      ...(maxFailures !== undefined && { maxFailures }),
      ...(kept.has(index) && { keeps: true }),
      ...(templates.length > 0 && { refs: templates }),
    };
  });
  return [...nodes, ...[...collectors.keys()].map((batch) => collectorOf(batch, at(given, batch).name))];
}

function collectorOf(batch: number, name: string): DraftNode {
  return {
    name: `${name}:results`,
    type: RESULTS_TYPE,
    when: "ended",
    after: [],
    waitsFor: [batch],
    jobs: 0,
    resultsOf: batch,
    keeps: true,
  };
}
