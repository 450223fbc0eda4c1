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
  /** The values that are known now. */
  readonly known: () => KnownValues;
  readonly paths: readonly string[];
}

export function FilterBox({ text: applied, onApply, known, paths }: FilterBoxProps): JSX.Element {
  const { input, text, list, active, ...box } = useFilterBox({ text: applied, onApply, known, paths });
  useKeys("Jobs", { "/": { text: "Filter", run: () => input.current?.focus() } });
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
        onInput={({ currentTarget: { value, selectionStart } }) => box.type(value, selectionStart ?? value.length)}
        onFocus={({ currentTarget: { value, selectionStart } }) => box.offer(value, selectionStart ?? value.length)}
        onBlur={box.closeList}
        onKeyDown={box.onKeyDown}
      />
      {text === "" ? <kbd class="filter-key">/</kbd> : null}
      <Suggestions list={list} active={active} onChoose={box.choose} />
      <Issues text={text} isApplied={text.trim() === applied} />
    </div>
  );
}

interface BoxState {
  readonly input: { readonly current: HTMLInputElement | null };
  readonly text: string;
  readonly list: readonly Suggestion[];
  /** The index of the suggestion that Enter chooses; -1 for none. */
  readonly active: number;
  readonly type: (value: string, caret: number) => void;
  readonly offer: (value: string, caret: number) => void;
  readonly choose: (suggestion: Suggestion) => void;
  readonly closeList: () => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
}

function useFilterBox({ text: applied, onApply, known, paths }: FilterBoxProps): BoxState {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(applied);
  const [list, setList] = useState<readonly Suggestion[]>([]);
  const [active, setActive] = useState(-1);
  const closeList = (): void => setList([]);
  useEffect(() => {
    setText(applied);
    closeList();
  }, [applied]);
  const offer = (value: string, caret: number): void => {
    setList(suggestionsAt(value, caret, known(), paths));
    setActive(-1);
  };
  const choose = ({ text: next, caret, isComplete }: Suggestion): void => {
    if (input.current) {
      input.current.value = next; // now, because the caret is set in it
      input.current.setSelectionRange(caret, caret);
    }
    setText(next);
    if (isComplete) closeList();
    else offer(next, caret);
    setActive(-1);
  };
  const apply = (): void => {
    closeList();
    const next = text.trim();
    if (!("issues" in readFilterText(next, Date.now()))) onApply(next);
  };
  const move = (step: number): void => {
    if (list.length === 0) offer(text, input.current?.selectionStart ?? text.length);
    else setActive(active === -1 && step === -1 ? list.length - 1 : (active + step + list.length) % list.length);
  };
  const escape = (): void => {
    if (list.length > 0) closeList();
    else setText(applied);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const chosen = list[active];
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (chosen && (event.key === "Enter" || event.key === "Tab")) choose(chosen);
    else if (event.key === "Enter") apply();
    else if (event.key === "Escape") escape();
    else return;
    event.preventDefault();
  };
  const type = (value: string, caret: number): void => {
    setText(value);
    offer(value, caret);
  };
  return { input, text, list, active, type, offer, choose, closeList, onKeyDown };
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

/** Below the box. Its line is always there, and the issues of a text that is being typed cover what follows. */
function Issues({ text, isApplied }: { readonly text: string; readonly isApplied: boolean }): JSX.Element {
  const read = readFilterText(text, Date.now());
  const issues = "issues" in read ? read.issues : [];
  return (
    <div
      id="filter-issues"
      class={`filter-issues ${issues.length === 0 ? "muted" : isApplied ? "error-text" : "error-text over"}`}
      aria-live="polite"
    >
      {issues.map(({ message }) => (
        <div key={message}>{message}</div>
      ))}
      {issues.length === 0 && !isApplied ? "Press Enter to apply." : null}
    </div>
  );
}
