/** The next ticks of a definition while a user edits it. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ScheduleTick } from "../../../client/taskflow.ts";
import { TaskFlowError } from "../../../client/taskflow.ts";
import { previewJson } from "../../data/exact-json.ts";
import { memberOf, parseJson, stringOf } from "../../parts/schema-form/json-document.ts";
import type { FieldIssue } from "../../parts/schema-form/schema-shape.ts";

export interface Preview {
  /** Undefined before the first answer. */
  readonly ticks: readonly ScheduleTick[] | undefined;
  /** Whether the ticks are those of an earlier text, because this one is not valid. */
  readonly isOld: boolean;
  /** Of the definition; empty while the text is no JSON. */
  readonly issues: readonly FieldIssue[];
  /** Why the server gave no answer; undefined if it did. */
  readonly failure: string | undefined;
  /** The zone of the ticks. */
  readonly zone: string;
}

/** So long after the last key, the server is asked. */
const QUIET_MS = 250;

/** @param name of the schedule: `H` in an expression depends on it */
export function usePreview(text: string, name: string): Preview {
  const [shown, setShown] = useState<Omit<Preview, "zone">>({
    ticks: undefined,
    isOld: false,
    issues: [],
    failure: undefined,
  });
  const isFirst = useRef(true);
  useEffect(() => {
    const abort = new AbortController();
    const fail = (error: unknown): void => {
      if (abort.signal.aborted) return;
      const issues = error instanceof TaskFlowError ? error.errors : [];
      const failure = issues.length > 0 ? undefined : error instanceof Error ? error.message : String(error);
      setShown((old) => ({ ...old, isOld: true, issues, failure }));
    };
    const read = (): void => {
      if ("node" in parseJson(text))
        previewJson(text, name, abort.signal).then(
          (ticks) => setShown({ ticks, isOld: false, issues: [], failure: undefined }),
          fail,
        );
      else setShown((old) => ({ ...old, isOld: true, issues: [], failure: undefined }));
    };
    const timer = setTimeout(read, isFirst.current ? 0 : QUIET_MS);
    isFirst.current = false;
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text, name]);
  return { ...shown, zone: zoneOf(text) };
}

function zoneOf(text: string): string {
  const parsed = parseJson(text);
  const zone = "node" in parsed && parsed.node.kind === "object" ? memberOf(parsed.node, "time_zone") : undefined;
  return zone?.kind === "string" ? stringOf(zone) : "UTC";
}
