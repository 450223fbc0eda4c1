/** Submits the job of a draft, once for each press, however often the answer was lost. */
import { useRef, useState } from "preact/hooks";
import { randomKey } from "../../../client/call-options.ts";
import type { Job } from "../../../client/taskflow.ts";
import { exactSubmission, submitJson } from "../../data/exact-json.ts";
import { refreshResources } from "../../data/resource.ts";
import type { FieldIssue } from "../../parts/schema-form/schema-shape.ts";
import { zone } from "../../parts/time.tsx";
import type { Draft } from "./draft.ts";
import { readOptions } from "./job-options.ts";
import { areShown, issuesOf } from "./submission-issues.ts";

export interface Submitting {
  /** Shown at their fields. */
  readonly issues: readonly FieldIssue[];
  /** An error that no field shows. */
  readonly failure: unknown;
  /** @returns undefined if it failed, or while an earlier one runs; never rejects */
  readonly submit: () => Promise<Job | undefined>;
  /** Forgets issues and failure: the draft has changed. */
  readonly forget: () => void;
}

interface Outcome {
  readonly issues: readonly FieldIssue[];
  readonly failure: unknown;
}

const NONE: Outcome = { issues: [], failure: undefined };

export function useSubmit(type: string, { payload, options: draft }: Draft): Submitting {
  const [outcome, setOutcome] = useState<Outcome>(NONE);
  const isBusy = useRef(false);
  /** The job whose answer was lost may exist: the next press repeats it with the same key, unless the draft changed. */
  const latest = useRef<{ readonly body: string; readonly key: string } | undefined>(undefined);
  const submit = async (): Promise<Job | undefined> => {
    if (isBusy.current) return undefined;
    const { options, issues } = readOptions(draft, zone.value);
    setOutcome({ issues, failure: undefined });
    if (issues.length > 0) return undefined;
    const body = exactSubmission(type, payload, options);
    if (latest.current?.body !== body) latest.current = { body, key: randomKey() };
    isBusy.current = true;
    try {
      const job = await submitJson(type, payload, { idempotencyKey: latest.current.key, ...options });
      latest.current = undefined;
      refreshResources("stats");
      return job;
    } catch (error) {
      const found = issuesOf(error);
      setOutcome({ issues: found, failure: found.length > 0 && areShown(found) ? undefined : error });
      return undefined;
    } finally {
      isBusy.current = false;
    }
  };
  const forget = (): void => {
    if (outcome !== NONE) setOutcome(NONE);
  };
  return { ...outcome, submit, forget };
}
