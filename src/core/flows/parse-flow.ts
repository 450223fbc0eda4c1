/** Parses the body of `POST /flows`. */
import { at } from "../at.ts";
import { elementsOf, memberText, memberTexts } from "../json-span.ts";
import type { ValidationIssue } from "../schema-issues.ts";
import { escapePointer } from "../schema-issues.ts";
import { comesAfter, cyclesOf, type Edges } from "./cycles.ts";
import { type DraftedNode, draftNodes } from "./draft.ts";
import type { When } from "./flow.ts";
import {
  batchNodeShape,
  fieldsOf,
  flowShape,
  MAX_EDGES,
  MAX_FLOW_JOBS,
  NODE_NAME,
  NODE_NAME_RULE,
  positionShape,
} from "./flow-schema.ts";
import { MAX_NODES } from "./graph.ts";
import type { FlowRules, ParsedFlow, ReadJob } from "./reading.ts";
import { FlowReading } from "./reading.ts";
import type { ReferenceScope } from "./reference.ts";
import type { FoundReference } from "./references.ts";

/** @param value the result of JSON.parse for `json` */
export function parseFlow(value: unknown, json: string, rules: FlowRules): ParsedFlow {
  const reading = new FlowReading(rules);
  const fields = fieldsOf(flowShape, value, "", reading.issues);
  reading.checkName(fields.name);
  const texts = fields.jobs ? memberTexts(memberText(json, "jobs") ?? "{}") : new Map<string, string>();
  if (fields.jobs && (texts.size === 0 || texts.size > MAX_NODES)) {
    const bound = texts.size === 0 ? "at least 1 node" : `at most ${MAX_NODES} nodes`;
    reading.issues.push({ path: "/jobs", message: `expected ${bound}` });
  }
  const names = [...texts.keys()].slice(0, MAX_NODES);
  const indexes = new Map(names.map((name, index) => [name, index]));
  const flow = new FlowNodes(reading, { names: new Set(texts.keys()) }, indexes);
  for (const name of names) flow.add(name, (fields.jobs as Record<string, unknown>)[name], texts.get(name) ?? "{}");
  flow.check();
  const { name = null, on_failure: onFailure = "finish" } = fields;
  return reading.flow({ kind: "flow", name, onFailure }, () => draftNodes(flow.nodes()));
}

interface ReadNode extends Omit<DraftedNode, "needs"> {
  readonly references: readonly FoundReference[];
}

/** The place of a node: which others it comes after, and whether it runs. */
interface Position {
  readonly after: readonly number[];
  /** Index in the request's `after`, for each of `after`. */
  readonly given: readonly number[];
  readonly when: When;
}

class FlowNodes {
  readonly #reading: FlowReading;
  readonly #scope: ReferenceScope;
  /** By name; without the nodes past the limit. */
  readonly #indexes: ReadonlyMap<string, number>;
  readonly #nodes: ReadNode[] = [];
  readonly #given: (readonly number[])[] = [];
  #jobs = 0;

  constructor(reading: FlowReading, scope: ReferenceScope, indexes: ReadonlyMap<string, number>) {
    this.#reading = reading;
    this.#scope = scope;
    this.#indexes = indexes;
  }

  /** The nodes of a flow without issues. */
  nodes(): DraftedNode[] {
    return this.#nodes.map(({ references, ...node }) => ({
      ...node,
      needs: references.map(({ node: name, part }) => ({ node: this.#indexes.get(name) ?? 0, part })),
    }));
  }

  add(name: string, value: unknown, json: string): void {
    const path = pathOf(name);
    if (!NODE_NAME.test(name)) this.#issue(path, NODE_NAME_RULE);
    const isBatch = typeof value === "object" && value !== null && Object.hasOwn(value, "batch");
    if (isBatch) this.#addBatch(name, value, json, path);
    else this.#addJob(name, value, json, path);
  }

  #addJob(name: string, value: unknown, json: string, path: string): void {
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    const { after, when, ...job } = (isObject ? value : {}) as { readonly after?: unknown; readonly when?: unknown };
    const given = { ...(after !== undefined && { after }), ...(when !== undefined && { when }) };
    const position = this.#position(path, fieldsOf(positionShape, given, path, this.#reading.issues));
    const read = this.#read({ value: isObject ? job : value, json, path });
    const templates = read.isTemplate ? [0] : [];
    this.#push({ name, type: read.type ?? "", jobs: 1, templates, references: read.references }, position);
  }

  #addBatch(name: string, value: object, json: string, path: string): void {
    const fields = fieldsOf(batchNodeShape, value, path, this.#reading.issues);
    const position = this.#position(path, fields);
    const { batch: given } = value as { readonly batch: unknown };
    const jobs: readonly unknown[] = Array.isArray(given) ? given : [];
    const jsons = jobs.length === 0 ? [] : elementsOf(memberText(json, "batch") ?? "[]");
    const references: FoundReference[] = [];
    const templates: number[] = [];
    jobs.forEach((job, index) => {
      const read = this.#read({ value: job, json: at(jsons, index), path: `${path}/batch/${index}` });
      for (const reference of read.references) references.push(reference);
      if (read.isTemplate) templates.push(index);
    });
    const maxFailures = fields.max_failures ?? 0;
    this.#push({ name, type: null, jobs: jobs.length, maxFailures, templates, references }, position);
  }

  #push(node: Omit<ReadNode, "after" | "when">, { after, when, given }: Position): void {
    this.#nodes.push({ ...node, after, when });
    this.#given.push(given);
  }

  /** Reads a job, unless there are too many jobs or issues. */
  #read(text: Parameters<FlowReading["job"]>[0]): ReadJob {
    this.#jobs += 1;
    if (this.#jobs > MAX_FLOW_JOBS || this.#reading.isFull)
      return { type: undefined, references: [], isTemplate: false };
    return this.#reading.job(text, this.#scope);
  }

  #position(path: string, { after: names = [], when = "succeeded" }: { after?: string[]; when?: When }): Position {
    const after: number[] = [];
    const given: number[] = [];
    const seen = new Set<string>();
    names.forEach((name, nth) => {
      const index = this.#indexes.get(name);
      if (!this.#scope.names.has(name)) this.#issue(`${path}/after/${nth}`, "is not the name of a node of this flow");
      else if (seen.has(name)) this.#issue(`${path}/after/${nth}`, "is given twice");
      else if (index === this.#nodes.length) this.#issue(`${path}/after/${nth}`, "is the name of the node itself");
      else if (index !== undefined) {
        after.push(index);
        given.push(nth);
      }
      seen.add(name);
    });
    if (names.length === 0 && when !== "succeeded")
      this.#issue(`${path}/when`, "is only for a node with after: expected the nodes that it comes after");
    return { after, given, when };
  }

  /** Checks what concerns several nodes. */
  check(): void {
    if (this.#jobs > MAX_FLOW_JOBS)
      this.#issue("/jobs", `expected at most ${MAX_FLOW_JOBS} jobs in all nodes together`);
    const edges = this.#nodes.map(({ after }) => after);
    if (edges.reduce((sum, { length }) => sum + length, 0) > MAX_EDGES) {
      this.#issue("/jobs", `expected at most ${MAX_EDGES} names in all after together`);
      return;
    }
    this.#checkCycles(edges);
    this.#checkReferences(edges);
  }

  #checkCycles(edges: Edges): void {
    for (const cycle of cyclesOf(edges)) {
      const [first = 0, second = first] = cycle;
      const { name, after } = at(this.#nodes, first);
      const nth = at(at(this.#given, first), after.indexOf(second));
      const others = cycle.slice(1).map((node) => at(this.#nodes, node).name);
      this.#issue(`${pathOf(name)}/after/${nth}`, `makes a cycle: ${name} after ${shownNames(others)} after ${name}`);
    }
  }

  #checkReferences(edges: Edges): void {
    if (this.#nodes.every(({ references }) => references.length === 0)) return;
    const isAfter = comesAfter(edges);
    this.#nodes.forEach(({ references }, node) => {
      for (const { node: name, at: path } of references) {
        if (this.#reading.isFull) return;
        const earlier = this.#indexes.get(name);
        if (earlier !== undefined && !isAfter(node, earlier))
          this.#issue(
            path,
            `refers to ${name}, which does not come before: name it in after, or in that of a node before`,
          );
      }
    });
  }

  #issue(path: string, message: string): void {
    this.#reading.issues.push({ path, message } satisfies ValidationIssue);
  }
}

function pathOf(name: string): string {
  return `/jobs/${escapePointer(name)}`;
}

const SHOWN_NAMES = 50;

function shownNames(names: readonly string[]): string {
  if (names.length <= SHOWN_NAMES) return names.join(" after ");
  return `${names.slice(0, SHOWN_NAMES).join(" after ")} after ${names.length - SHOWN_NAMES} others`;
}
