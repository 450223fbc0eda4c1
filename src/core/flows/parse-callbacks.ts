/** Parses a job with `then` or `on_failure`, and a batch with its callbacks: the first node, and those after it. */
import { at } from "../at.ts";
import { elementsOf, memberText, memberTexts } from "../json-span.ts";
import type { DraftedNode } from "./draft.ts";
import { draftNodes } from "./draft.ts";
import type { When } from "./flow.ts";
import type { CallbackName } from "./flow-schema.ts";
import {
  batchHeadShape,
  batchShape,
  CALLBACKS,
  DEFAULT_CLOSE_AFTER_MS,
  fieldsOf,
  MAX_FLOW_JOBS,
  thenShape,
} from "./flow-schema.ts";
import { FIRST_NODE_SCOPE, MAX_NODES } from "./graph.ts";
import type { FlowRules, JobText, ParsedFlow, ReadJob } from "./reading.ts";
import { FlowReading } from "./reading.ts";

const FIRST = { when: "succeeded", after: [], templates: [], needs: [] } as const;
const WHEN_OF = { then: "succeeded", on_failure: "failed" } as const;
const WHEN_OF_CALLBACK: Readonly<Record<CallbackName, When>> = {
  on_success: "succeeded",
  on_complete: "ended",
  on_first_failure: "first_failure",
};

/** Whether the value of a submission has jobs that follow it. */
export function hasFollowers(value: unknown): value is object {
  return (
    typeof value === "object" &&
    value !== null &&
    ((value as { then?: unknown }).then !== undefined || (value as { on_failure?: unknown }).on_failure !== undefined)
  );
}

/**
 * The body of `POST /jobs` with `then` or `on_failure`. The payload of the job itself is taken as it is.
 * @param value the result of JSON.parse for `json`
 */
export function parseThen(value: object, json: string, rules: FlowRules): ParsedFlow {
  const reading = new FlowReading(rules);
  // biome-ignore lint/suspicious/noThenProperty: the name of the API
  const { then, on_failure, ...job } = value as { readonly then?: unknown; readonly on_failure?: unknown };
  const given = { ...(then !== undefined && { then }), ...(on_failure !== undefined && { on_failure }) };
  const fields = fieldsOf(thenShape, given, "", reading.issues);
  const texts = memberTexts(json);
  const first = reading.job({ value: job, json: `{"payload":${texts.get("payload") ?? "{}"}}`, path: "" });
  const nodes: DraftedNode[] = [{ ...FIRST, name: "job", type: first.type ?? "", jobs: 1 }];
  for (const name of ["then", "on_failure"] as const) {
    const followers = fields[name] ?? [];
    const jsons = followers.length === 0 ? [] : elementsOf(texts.get(name) ?? "[]");
    followers.forEach((follower, index) => {
      const read = reading.job(
        { value: follower, json: at(jsons, index), path: `/${name}/${index}` },
        FIRST_NODE_SCOPE.then,
      );
      nodes.push(followerNode(followers.length === 1 ? name : `${name}/${index}`, WHEN_OF[name], read));
    });
  }
  if (nodes.length > MAX_NODES)
    reading.issues.push({
      path: "",
      message: `expected at most ${MAX_NODES - 1} jobs in then and on_failure together`,
    });
  return reading.flow({ kind: "then", name: null, onFailure: "finish" }, () => draftNodes(nodes));
}

function followerNode(name: string, when: When, { type, references, isTemplate }: ReadJob): DraftedNode {
  return {
    name,
    type: type ?? "",
    when,
    after: [0],
    jobs: 1,
    templates: isTemplate ? [0] : [],
    needs: references.map(({ part }) => ({ node: 0, part })),
  };
}

/** The body of `POST /batches`. @param value the result of JSON.parse for `json` */
export function parseBatch(value: unknown, json: string, rules: FlowRules): ParsedFlow {
  const reading = new FlowReading(rules);
  const fields = fieldsOf(batchShape, value, "", reading.issues);
  const listed = listedJobs(value);
  const jsons = listed.length === 0 ? [] : elementsOf(memberText(json, "jobs") ?? "[]");
  const jobs = listed
    .slice(0, MAX_FLOW_JOBS)
    .map((job, index) => ({ value: job, json: at(jsons, index), path: `/jobs/${index}` }));
  return batchOf(reading, fields, json, jobs);
}

/** The jobs of a request that may have too many. */
function listedJobs(value: unknown): readonly unknown[] {
  const jobs: unknown = typeof value === "object" && value !== null && "jobs" in value ? value.jobs : undefined;
  return Array.isArray(jobs) ? jobs : [];
}

/**
 * The lines of a batch in NDJSON: its jobs. The first line may be the batch without its jobs: an object that has neither
 * `type` nor `payload`.
 */
export function parseBatchLines(lines: readonly JobText[], rules: FlowRules): ParsedFlow {
  const reading = new FlowReading(rules);
  const [first, ...others] = lines;
  const head = first && isHead(first.value) ? first : undefined;
  const fields = head ? fieldsOf(batchHeadShape, head.value, "", reading.issues) : {};
  return batchOf(reading, fields, head?.json ?? "{}", head ? others : lines);
}

function isHead(value: unknown): boolean {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !("type" in value || "payload" in value)
  );
}

type BatchFields = ReturnType<typeof fieldsOf<typeof batchHeadShape.schema>>;

function batchOf(reading: FlowReading, fields: BatchFields, json: string, jobs: readonly JobText[]): ParsedFlow {
  reading.checkName(fields.name);
  if (fields.close_after_ms !== undefined && fields.open !== true)
    reading.issues.push({ path: "/close_after_ms", message: "is only for a batch with open: true" });
  if (jobs.length > MAX_FLOW_JOBS)
    reading.issues.push({ path: "/jobs", message: `expected at most ${MAX_FLOW_JOBS} items` });
  for (const job of jobs.slice(0, MAX_FLOW_JOBS)) {
    if (reading.isFull) break;
    reading.job(job);
  }
  const maxFailures = fields.max_failures ?? 0;
  const nodes: DraftedNode[] = [{ ...FIRST, name: "jobs", type: null, maxFailures, jobs: jobs.length }];
  const texts = memberTexts(json);
  for (const name of CALLBACKS) {
    if (fields[name] === undefined) continue;
    const text = { value: fields[name], json: texts.get(name) ?? "{}", path: `/${name}` };
    const read = reading.job(text, FIRST_NODE_SCOPE.batch);
    nodes.push(followerNode(name, WHEN_OF_CALLBACK[name], read));
    if (name === "on_first_failure") checkFirstFailure(read, reading);
  }
  const closes = fields.open === true && { closeAfterMs: fields.close_after_ms ?? DEFAULT_CLOSE_AFTER_MS };
  const graph = { kind: "batch", name: fields.name ?? null, onFailure: "finish", ...closes } as const;
  return reading.flow(graph, () => draftNodes(nodes));
}

function checkFirstFailure({ references }: ReadJob, { issues }: FlowReading): void {
  for (const { part, at: path } of references) {
    if (part === "result")
      issues.push({ path, message: "the batch has no result before all of its jobs have ended: refer to error" });
  }
}
