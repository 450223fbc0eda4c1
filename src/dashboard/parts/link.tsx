import type { ComponentChildren, JSX } from "preact";
import { navigate } from "../app/router.ts";

interface LinkProps {
  /** A URL of `href()`. */
  readonly to: string;
  readonly children: ComponentChildren;
  readonly class?: string;
  readonly title?: string;
  readonly isCurrent?: boolean;
  /** Whether it changes a part of the screen below its top: nothing scrolls. */
  readonly isInPlace?: boolean;
}

/** A link within the dashboard: it changes the screen without loading the page, and opens in a new tab as any other. */
export function Link({ to, children, isCurrent = false, isInPlace = false, ...rest }: LinkProps): JSX.Element {
  return (
    <a
      {...rest}
      href={to}
      onClick={(event) => follow(event, to, { isInPlace })}
      aria-current={isCurrent ? "page" : undefined}
    >
      {children}
    </a>
  );
}

/** Handles a click on a link within the dashboard. @param to the link's URL, of `href()` */
export function follow(event: MouseEvent, to: string, options: Parameters<typeof navigate>[1] = {}): void {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  navigate(to, options);
}
