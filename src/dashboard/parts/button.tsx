/** Buttons. An action beyond the user's scopes is shown as unavailable, with the reason. */
import { signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Scope } from "../data/session.ts";
import { can, isReadOnly } from "../data/session.ts";
import { notify, reportError } from "./toasts.tsx";

interface ButtonProps {
  readonly children: ComponentChildren;
  /** A rejection is shown as a toast. The button does nothing while the promise is pending. */
  readonly onPress: () => void | Promise<void>;
  readonly kind?: "plain" | "primary" | "danger" | "quiet";
  /** The scope that the action needs. */
  readonly scope?: Scope;
  /** Why the action is not possible now; undefined if it is. */
  readonly unavailable?: string | undefined;
  readonly title?: string;
  readonly label?: string;
  readonly isPressed?: boolean;
  readonly isExpanded?: boolean;
}

export function Button({
  children,
  onPress,
  kind = "plain",
  scope = "read",
  unavailable,
  title,
  label,
  isPressed,
  isExpanded,
}: ButtonProps): JSX.Element {
  const isBusy = useMemo(() => signal(false), []);
  const reason = can(scope) ? unavailable : reasonOf(scope);
  const press = (event: MouseEvent): void => {
    event.stopPropagation();
    if (reason !== undefined) notify(reason); // a tooltip is only for the mouse
    if (reason !== undefined || isBusy.value) return;
    const done = onPress();
    if (!done) return;
    isBusy.value = true;
    done
      .catch((error: unknown) => reportError(error))
      .finally(() => {
        isBusy.value = false;
      });
  };
  return (
    <button
      type="button"
      class={`button ${kind}`}
      onClick={press}
      aria-disabled={reason !== undefined || isBusy.value ? true : undefined}
      aria-busy={isBusy.value ? true : undefined}
      aria-pressed={isPressed}
      aria-expanded={isExpanded}
      aria-label={label}
      title={reason ?? title}
    >
      {children}
    </button>
  );
}

function reasonOf(scope: Scope): string {
  if (isReadOnly()) return "Not available: this dashboard is read only.";
  return `Not available: this needs the scope ${scope}.`;
}
