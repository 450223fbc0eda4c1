/** Reads the jobs of one request that submits a flow, and collects what they have in common. */
import type { Durability, Submission } from "../job.ts";
import { memberText } from "../json-span.ts";
import type { ValidationIssue } from "../schema-issues.ts";
import { MAX_ISSUES } from "../schema-issues.ts";
import type { TypeLookup } from "../submission.ts";
import { parseSubmission, UNPRINTABLE } from "../submission.ts";
import type { DraftNode, FlowDraft } from "./flow.ts";
import type { ReferenceScope } from "./reference.ts";
import { type FoundReference, type FoundReferences, referencesOf } from "./references.ts";
import { typeForTemplate } from "./template-issues.ts";

export interface FlowRules {
  readonly typeOf: TypeLookup;
  /** Epoch ms, Redis's. */
  readonly now: number;
  /** Of submissions without the option. */
  readonly durability: Durability;
  /** For the JSON of one job, unless its type allows more. */
  readonly maxBodyBytes: number;
}

export type ParsedFlow =
  | {
      readonly flow: FlowDraft;
      /** In the order of nodes, and of the jobs in a node. */
      readonly submissions: readonly Submission[];
      /** Whether the `run_at` of the first job came from `delay_ms`, and so depends on the time of the request. */
      readonly isDelayed: boolean;
      /** Whether the caller's key needs the scope `read`. */
      readonly needsRead: boolean;
      /** Present if it needs the scope `admin`. */
      readonly needsAdmin?: true;
    }
  | { readonly issues: readonly ValidationIssue[] };

export interface JobText {
  readonly value: unknown;
  readonly json: string;
  /** JSON pointer to it, in the request. */
  readonly path: string;
}

export interface ReadJob {
  /** Undefined if it is not valid. */
  readonly type: string | undefined;
  /** Their paths are in the request. */
  readonly references: readonly FoundReference[];
  readonly isTemplate: boolean;
}

const INVALID: ReadJob = { type: undefined, references: [], isTemplate: false };

export class FlowReading {
  readonly issues: ValidationIssue[] = [];
  readonly #rules: FlowRules;
  readonly #submissions: Submission[] = [];
  #isDelayed = false;
  #needsRead = false;
  #needsAdmin = false;

  constructor(rules: FlowRules) {
    this.#rules = rules;
  }

  /** Whether an answer would list no further issues. */
  get isFull(): boolean {
    return this.issues.length > MAX_ISSUES;
  }

  /** Checks the name of a flow: Postgres stores it, and lists show it. */
  checkName(name: string | undefined): void {
    if (name !== undefined && UNPRINTABLE.test(name))
      this.issues.push({ path: "/name", message: "expected text without control characters" });
  }

  /**
   * Reads the next job.
   * @param scope what its payload may refer to; without it, the payload is taken as it is
   */
  job({ value, json, path }: JobText, scope?: ReferenceScope): ReadJob {
    const { typeOf, now, durability, maxBodyBytes } = this.#rules;
    const found = scope && referencesOf(memberText(json, "payload") ?? "{}", scope);
    const checkedBy = found?.isTemplate && scope ? forTemplate(typeOf, found, scope) : typeOf;
    const parsed = parseSubmission(value, json, checkedBy, now, durability);
    for (const issue of found?.issues ?? [])
      this.issues.push({ path: `${path}/payload${issue.path}`, message: issue.message });
    if ("issues" in parsed) {
      for (const issue of parsed.issues) this.issues.push({ path: path + issue.path, message: issue.message });
      return INVALID;
    }
    const { submission } = parsed;
    const limit = Math.max(maxBodyBytes, typeOf(submission.type)?.maxBodyBytes ?? 0);
    if (json.length > limit) this.issues.push({ path, message: `expected at most ${limit} bytes` });
    if (this.#submissions.length === 0) this.#isDelayed = parsed.isDelayed;
    this.#submissions.push(submission);
    this.#needsRead ||= parsed.needsRead;
    this.#needsAdmin ||= parsed.needsAdmin === true;
    if (!found) return { type: submission.type, references: [], isTemplate: false };
    const references = found.references.map((each) => ({ ...each, at: `${path}/payload${each.at}` }));
    return { type: submission.type, references, isTemplate: found.isTemplate };
  }

  /** The flow of all jobs so far, or all issues. */
  flow(graph: Omit<FlowDraft, "nodes" | "isDurable">, nodesOf: () => readonly DraftNode[]): ParsedFlow {
    if (this.issues.length > 0) return { issues: this.issues };
    const isDurable = this.#submissions.some(({ options }) => options.durability === "postgres");
    return {
      flow: { ...graph, nodes: nodesOf(), ...(isDurable && { isDurable }) },
      submissions: this.#submissions,
      isDelayed: this.#isDelayed,
      needsRead: this.#needsRead,
      ...(this.#needsAdmin && { needsAdmin: true }),
    };
  }
}

function forTemplate(typeOf: TypeLookup, found: FoundReferences, scope: ReferenceScope): TypeLookup {
  return (name) => {
    const type = typeOf(name);
    return type && typeForTemplate(type, found, scope);
  };
}
