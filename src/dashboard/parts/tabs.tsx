/** Links that show one of several views of a screen; the URL has the choice. */
import type { ComponentChildren, JSX } from "preact";
import { Link } from "./link.tsx";

export interface Tab {
  readonly key: string;
  readonly to: string;
  readonly text: ComponentChildren;
  readonly isCurrent: boolean;
}

export function Tabs({ label, tabs }: { readonly label: string; readonly tabs: readonly Tab[] }): JSX.Element {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ key, to, text, isCurrent }) => (
        <Link key={key} to={to} isCurrent={isCurrent}>
          {text}
        </Link>
      ))}
    </nav>
  );
}
