/** Links that show one of several views of a screen; the URL has the choice. */
import type { ComponentChildren, JSX } from "preact";
import { Link } from "./link.tsx";

interface Tab {
  readonly key: string;
  readonly to: string;
  readonly text: ComponentChildren;
  readonly isCurrent: boolean;
}

interface TabsProps {
  readonly label: string;
  readonly tabs: readonly Tab[];
  /** Whether they are below the top of the screen: nothing scrolls. */
  readonly isInPlace?: boolean;
}

export function Tabs({ label, tabs, isInPlace = false }: TabsProps): JSX.Element {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ key, to, text, isCurrent }) => (
        <Link key={key} to={to} isCurrent={isCurrent} isInPlace={isInPlace}>
          {text}
        </Link>
      ))}
    </nav>
  );
}
