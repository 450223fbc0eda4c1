/** Turns the bodies of requests into flows, or into all their validation issues. */
import type { FlowDraft } from "./flow.ts";
import type { Durability, Submission } from "../job.ts";
import type { ValidationIssue } from "../schema-issues.ts";
import type { TypeLookup } from "../submission.ts";

export interface FlowRules {
  readonly typeOf: TypeLookup;
  /** Epoch ms, Redis's. */
  readonly now: number;
  /** Of submissions without the option. */
  readonly durability: Durability;
  /** For one job, unless its type allows more. */
  readonly maxBodyBytes: number;
}

export type ParsedFlow =
  | {
      readonly flow: FlowDraft;
      /** In the order of nodes, and of the jobs in a node. */
      readonly submissions: readonly Submission[];
      readonly isDelayed: boolean;
      readonly needsRead: boolean;
      readonly needsAdmin?: true;
    }
  | { readonly issues: readonly ValidationIssue[] };

/** The body of `POST /flows`. @param value the result of JSON.parse for `json` */
export function parseFlow(_value: unknown, _json: string, _rules: FlowRules): ParsedFlow {
  throw new Error("not written yet");
}

/** The body of `POST /jobs` with `then` or `on_failure`. */
export function parseThen(_value: object, _json: string, _rules: FlowRules): ParsedFlow {
  throw new Error("not written yet");
}
