import type { ComponentChildren, JSX } from "preact";
import { navigate } from "../app/router.ts";

interface LinkProps {
  /** A URL of `href()`. */
  readonly to: string;
  readonly children: ComponentChildren;
  readonly class?: string;
  readonly title?: string;
  readonly isCurrent?: boolean;
}

/** A link within the dashboard: it changes the screen without loading the page, and opens in a new tab as any other. */
export function Link({ to, children, isCurrent = false, ...rest }: LinkProps): JSX.Element {
  const onClick = (event: MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to);
  };
  return (
    <a {...rest} href={to} onClick={onClick} aria-current={isCurrent ? "page" : undefined}>
      {children}
    </a>
  );
}
