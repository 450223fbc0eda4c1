/** Shows JSON exactly as it was stored. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Button } from "./button.tsx";
import { CopyButton } from "./copy.tsx";
import { bytesText } from "./format.ts";
import { indentedTokens } from "./json-text.ts";

/** Larger documents are first shown in part: their elements would take the browser seconds. */
const TOKENS_SHOWN = 2_000;

export function JsonView({ json, label }: { readonly json: string; readonly label: string }): JSX.Element {
  const tokens = useMemo(() => indentedTokens(json), [json]);
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? tokens : tokens.slice(0, TOKENS_SHOWN);
  return (
    <div class="json">
      <div class="json-tools">
        <CopyButton text={() => tokens.map(({ text }) => text).join("")} label={`Copy ${label}`}>
          Copy
        </CopyButton>
      </div>
      {/* a long document scrolls, so the keyboard must reach it */}
      <pre tabIndex={0} role="region" aria-label={label}>
        {shown.map(({ kind, text }, at) =>
          kind === "mark" ? (
            text
          ) : (
            <span key={at} class={`json-${kind}`}>
              {text}
            </span>
          ),
        )}
      </pre>
      {shown.length < tokens.length ? (
        <Button onPress={() => setWhole(true)}>Show all of {bytesText(json.length)}</Button>
      ) : null}
    </div>
  );
}
