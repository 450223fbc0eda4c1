/** The filter box: a combobox with completion. Enter applies the text to the URL; `/` focuses it. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { readFilterText } from "../../../client/filter-text.ts";
import { useKeys } from "../../app/keys.ts";
import type { KnownValues, Suggestion } from "./completion.ts";
import { suggestionsAt } from "./completion.ts";

interface FilterBoxProps {
  /** The text of the URL. */
  readonly text: string;
  readonly onApply: (text: string) => void;
  readonly known: KnownValues;
  readonly paths: readonly string[];
}

export function FilterBox({ text: applied, onApply, known, paths }: FilterBoxProps): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(applied);
  const [list, setList] = useState<readonly Suggestion[]>([]);
  const [active, setActive] = useState(-1);
  useEffect(() => {
    setText(applied);
    setList([]);
  }, [applied]);
  useKeys("Jobs", { "/": { text: "Filter", run: () => input.current?.focus() } });
  const offer = (value: string, caret: number): void => {
    setList(suggestionsAt(value, caret, known, paths));
    setActive(-1);
  };
  const type = (value: string, caret: number): void => {
    setText(value);
    offer(value, caret);
  };
  const choose = ({ text: next, caret, isComplete }: Suggestion): void => {
    setText(next);
    if (isComplete) setList([]);
    else offer(next, caret);
    setActive(-1);
    input.current?.focus();
    requestAnimationFrame(() => input.current?.setSelectionRange(caret, caret));
  };
  const apply = (): void => {
    setList([]);
    const next = text.trim();
    if (!("issues" in readFilterText(next, Date.now()))) onApply(next);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const chosen = list[active];
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      if (list.length === 0) offer(text, input.current?.selectionStart ?? text.length);
      else setActive((active + step + list.length + (active === -1 && step === -1 ? 1 : 0)) % list.length);
    } else if (event.key === "Enter") chosen ? choose(chosen) : apply();
    else if (event.key === "Tab" && chosen) choose(chosen);
    else if (event.key === "Escape") list.length > 0 ? setList([]) : setText(applied);
    else return;
    event.preventDefault();
  };
  return (
    <div class="filter" role="search">
      <input
        ref={input}
        class="field"
        type="text"
        role="combobox"
        aria-expanded={list.length > 0}
        aria-controls="filter-list"
        aria-autocomplete="list"
        aria-activedescendant={list[active] ? `filter-${active}` : undefined}
        aria-label="Filter the jobs"
        aria-describedby="filter-issues"
        placeholder="type:webhook status:failed tag:news since:2h, or words to search for"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={({ currentTarget: { value, selectionStart } }) => type(value, selectionStart ?? value.length)}
        onFocus={({ currentTarget: { value, selectionStart } }) => offer(value, selectionStart ?? value.length)}
        onBlur={() => setList([])}
        onKeyDown={onKeyDown}
      />
      {text === "" ? <kbd class="filter-key">/</kbd> : null}
      <Suggestions list={list} active={active} onChoose={choose} />
      <Issues text={text} isApplied={text.trim() === applied} />
    </div>
  );
}

interface SuggestionsProps {
  readonly list: readonly Suggestion[];
  readonly active: number;
  readonly onChoose: (suggestion: Suggestion) => void;
}

function Suggestions({ list, active, onChoose }: SuggestionsProps): JSX.Element {
  return (
    <ul id="filter-list" class="filter-list" role="listbox" aria-label="Suggestions" hidden={list.length === 0}>
      {list.map((suggestion, index) => (
        <li
          key={suggestion.shown}
          id={`filter-${index}`}
          role="option"
          aria-selected={index === active}
          // the box keeps the focus
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => onChoose(suggestion)}
        >
          <span class="mono">{suggestion.shown}</span> <span class="muted">{suggestion.hint}</span>
        </li>
      ))}
    </ul>
  );
}

/** Below the box; its line is always there, so that nothing moves. */
function Issues({ text, isApplied }: { readonly text: string; readonly isApplied: boolean }): JSX.Element {
  const read = readFilterText(text, Date.now());
  const issues = "issues" in read ? read.issues : [];
  return (
    <div id="filter-issues" class={`filter-issues ${issues.length > 0 ? "error-text" : "muted"}`} aria-live="polite">
      {issues.map(({ message }) => (
        <div key={message}>{message}</div>
      ))}
      {issues.length === 0 && !isApplied ? "Press Enter to apply." : null}
    </div>
  );
}
