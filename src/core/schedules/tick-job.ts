/** The job of a tick: the definition's job, with its templates resolved. */
import type { Durability, Submission } from "../job.ts";
import type { ValidationIssue } from "../schema-issues.ts";
import type { TypeLookup } from "../submission.ts";
import { parseSubmission } from "../submission.ts";
import type { ScheduleDefinition } from "./schedule.ts";
import { mayHaveTemplate, resolved } from "./templates.ts";

/** The tick that a job is for. Times are epoch ms. */
export interface JobTick {
  /** The schedule's name. */
  readonly name: string;
  readonly tick: number;
  /** The tick before it, fired or not; undefined if there is none. */
  readonly previousTick: number | undefined;
  /** The API key that pays for the job; null without keys. */
  readonly apiKey: string | null;
}

/** What a submission is checked against. */
export interface SubmissionRules {
  readonly typeOf: TypeLookup;
  /** Of a job without `durability`. */
  readonly durability: Durability;
}

/** @returns issues if the job is not valid (anymore): a job type may have changed since the definition was checked */
export function submissionOf(
  definition: Pick<ScheduleDefinition, "job" | "timeZone">,
  { name, tick, previousTick, apiKey }: JobTick,
  { typeOf, durability }: SubmissionRules,
): { readonly submission: Submission } | { readonly issues: readonly ValidationIssue[] } {
  const json = resolved(definition.job, { tick, previousTick: previousTick ?? tick, timeZone: definition.timeZone });
  const parsed = parseSubmission(JSON.parse(json), json, typeOf, tick, durability);
  if ("issues" in parsed) return parsed;
  const { submission } = parsed;
  const options = apiKey === null ? submission.options : { ...submission.options, api_key: apiKey };
  return { submission: ofTick({ ...submission, options }, { name, tick }) };
}

/** Whether each tick of a schedule has the given job: it has no templates, and no times that depend on the tick. */
export function isConstant({ job }: Pick<ScheduleDefinition, "job">, { options }: Submission): boolean {
  return options.run_at === undefined && options.expires_at === undefined && !mayHaveTemplate(job);
}

/** A job as the job of a tick. */
export function ofTick(submission: Submission, schedule: Pick<JobTick, "name" | "tick">): Submission {
  return { ...submission, options: { ...submission.options, schedule } };
}
