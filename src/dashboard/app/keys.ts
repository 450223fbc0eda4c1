/** Keyboard shortcuts. Those of the mounted components are listed by `?`. */
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { tinykeys } from "tinykeys";

interface Shortcut {
  readonly text: string;
  readonly run: () => void;
}

/** By keys as tinykeys writes them: `g j`, `/`, `Shift+?`, `$mod+k`. */
export type Shortcuts = Readonly<Record<string, Shortcut>>;

/** The shortcuts of the actions that have a key. */
export function shortcutsOf<Action extends { readonly key?: string; readonly text: string }>(
  actions: readonly Action[],
  run: (action: Action) => void,
): Shortcuts {
  return Object.fromEntries(
    actions.flatMap((action) =>
      action.key === undefined
        ? []
        : [[action.key, { text: action.text.replace("…", ""), run: () => run(action) }] as const],
    ),
  );
}

interface Listed {
  readonly group: string;
  readonly shortcuts: Shortcuts;
}

/** The shortcuts that work now, in groups. */
export const listed = signal<readonly Listed[]>([]);

/** Keys that a control or a text field has for itself do not run shortcuts. */
const TYPING = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";
const PRESSABLE = "a, button, summary, input";

/** The second key of `g j` is not the shortcut `j`, too. tinykeys waits so long for it. */
const SEQUENCE_MS = 1_000;
let [previous, previousAt, isSecond] = ["", 0, false];
window.addEventListener(
  "keydown",
  ({ key, timeStamp }) => {
    isSecond = previous === "g" && timeStamp - previousAt < SEQUENCE_MS;
    [previous, previousAt] = [key, timeStamp];
  },
  { capture: true },
);

/** The shortcuts work while the component is mounted, except in fields and dialogs. */
export function useKeys(group: string, shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  const keys = Object.keys(shortcuts).join(" ");
  // before anything is painted: a key that is pressed as soon as the rows are seen must not be lost
  useLayoutEffect(() => {
    const own: Listed = { group, shortcuts: latest.current };
    listed.value = [...listed.peek(), own];
    const press = (event: KeyboardEvent, key: string): void => {
      if (isTaken(event, key)) return;
      event.preventDefault();
      latest.current[key]?.run();
    };
    // one by one: a handler of several shortcuts forgets to reset the others after one of them, so the next is lost
    const stops = Object.keys(latest.current).map((key) =>
      tinykeys(window, { [key]: (event) => press(event, key) }, { ignore: isIgnored }),
    );
    return () => {
      for (const stop of stops) stop();
      listed.value = listed.peek().filter((each) => each !== own);
    };
  }, [group, keys]);
}

/** Unlike by default, fields let keys with Ctrl or Cmd pass, which type nothing. */
function isIgnored({ target, repeat, isComposing, ctrlKey, metaKey }: KeyboardEvent): boolean {
  if (repeat || isComposing) return true;
  return !ctrlKey && !metaKey && target instanceof Element && target.matches(TYPING);
}

function isTaken({ target }: KeyboardEvent, key: string): boolean {
  if (key.startsWith("$mod")) return false;
  if (isSecond && !key.includes(" ")) return true;
  if (document.querySelector("dialog[open]")) return true;
  if (!(target instanceof Element)) return false;
  return target.closest(TYPING) !== null || (key === "Enter" && target.closest(PRESSABLE) !== null);
}
