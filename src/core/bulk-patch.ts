/** The patch that a bulk update applies to each of its jobs: one of a single job (job-patch.ts), without the payload. */
import { at } from "./at.ts";
import { parseBody } from "./body.ts";
import type { Job, Submission } from "./job.ts";
import type { ChangedSubmission } from "./job-patch.ts";
import { NO_OPTIONS } from "./packed-job.ts";
import type { ValidationIssue } from "./schema-issues.ts";
import type { TypeLookup } from "./submission.ts";

type Set = Readonly<Record<string, unknown>>;

/** The job with which the patch of an update is checked: it has made no attempt. */
const ANY_JOB: Submission & Pick<Job, "attempt"> = {
  type: "any",
  payload: "{}",
  priority: 5,
  maxAttempts: 1,
  groupKey: null,
  options: NO_OPTIONS,
  attempt: 0,
};

/**
 * @param members of a bulk update; its `set` is the patch
 * @param now epoch ms
 * @returns the issues of the patch, with paths into the members. A schema finds a `set` that is no object
 */
export function issuesOfSet({ set }: Readonly<Record<string, unknown>>, now: number): ValidationIssue[] {
  if (typeof set !== "object" || set === null || Array.isArray(set)) return [];
  return issuesOfPatch(set as Set, now).map(({ path, message }) => ({ path: `/set${path}`, message }));
}

function issuesOfPatch(set: Set, now: number): ValidationIssue[] {
  const issues = Object.hasOwn(set, "payload")
    ? [{ path: "/payload", message: "cannot be changed for several jobs at once" }]
    : [];
  if (Object.keys(set).length === 0) return [{ path: "", message: "expected a field to change" }];
  const others = Object.fromEntries(Object.entries(set).filter(([name]) => name !== "payload"));
  const parsed = parsePatch(ANY_JOB, others, now, () => undefined);
  return "rejection" in parsed ? [...issues, ...parsed.rejection.issues] : issues;
}

/** The submission of a job after the patch; undefined if the job has made too many attempts for it. */
export function applySet(job: Job, set: Set, now: number, typeOf: TypeLookup): ChangedSubmission | undefined {
  const parsed = parsePatch(job, set, now, typeOf);
  if ("rejection" in parsed) return undefined;
  const submission: ChangedSubmission = at(parsed.submissions, 0);
  return { ...submission, payload: job.payload };
}

function parsePatch(
  { type, priority, maxAttempts, groupKey, options, attempt }: Submission & Pick<Job, "attempt">,
  set: Set,
  now: number,
  typeOf: TypeLookup,
) {
  return parseBody(
    {
      bytes: new TextEncoder().encode(JSON.stringify(set)),
      kind: "single",
      maxBodyBytes: Infinity,
      now,
      durability: "redis",
      patched: { type, priority, maxAttempts, groupKey, options, attempt },
    },
    typeOf,
  );
}
