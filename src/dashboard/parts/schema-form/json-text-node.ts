/** The document of a JSON text that a form edits, also while the form makes the text invalid. */
import { useMemo, useRef } from "preact/hooks";
import type { JsonNode } from "./json-document.ts";
import { parseJson, printJson } from "./json-document.ts";

interface EditedText {
  /** Undefined while the text is not valid, unless the form itself has a draft in it. */
  readonly node: JsonNode | undefined;
  readonly change: (node: JsonNode) => void;
}

export function useJsonTextNode(value: string, onChange: (json: string) => void): EditedText {
  /** The document of the form's latest text, which may have drafts. */
  const own = useRef<{ readonly text: string; readonly node: JsonNode } | undefined>(undefined);
  const parsed = useMemo(() => parseJson(value), [value]);
  const node = "node" in parsed ? parsed.node : own.current?.text === value ? own.current.node : undefined;
  const change = (next: JsonNode): void => {
    const text = printJson(next);
    own.current = { text, node: next };
    onChange(text);
  };
  return { node, change };
}
