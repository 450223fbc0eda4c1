/** Saves a definition, and has its issues for their fields. */
import { useState } from "preact/hooks";
import { TaskFlowError } from "../../../client/taskflow.ts";
import { parseJson } from "../../parts/schema-form/json-document.ts";
import type { FieldIssue } from "../../parts/schema-form/schema-shape.ts";
import type { Preview } from "./use-preview.ts";

interface Saving {
  /** Undefined before a save was rejected because of them. */
  readonly issues: readonly FieldIssue[] | undefined;
  /** An error without issues. */
  readonly failure: unknown;
  /** Whether the name, or the version, is another one than expected. */
  readonly isConflict: boolean;
  /** @returns whether it was saved; never rejects */
  readonly save: (put: () => Promise<unknown>) => Promise<boolean>;
  /** The definition has changed. */
  readonly forget: () => void;
  /** Why the text cannot be saved; undefined if it can. */
  readonly unavailable: (text: string, preview: Preview) => string | undefined;
}

export function useSave(): Saving {
  const [error, setError] = useState<unknown>(undefined);
  const issues = error instanceof TaskFlowError && error.errors.length > 0 ? error.errors : undefined;
  return {
    issues,
    failure: issues ? undefined : error,
    isConflict: error instanceof TaskFlowError && error.status === 412,
    save: async (put) => {
      setError(undefined);
      try {
        await put();
        return true;
      } catch (failure) {
        setError(failure);
        return false;
      }
    },
    forget: () => setError(undefined),
    unavailable: (text, preview) => {
      if (!("node" in parseJson(text))) return "The JSON is not valid.";
      return preview.issues.length > 0 ? "The definition is not valid: see the fields." : undefined;
    },
  };
}
