/** A row of figures, each of which may link to what is behind it. */
import type { ComponentChildren, JSX } from "preact";
import { Link } from "./link.tsx";

export interface Tile {
  readonly title: string;
  readonly value: ComponentChildren;
  readonly to?: string;
  readonly tooltip?: string;
  /** A line below the value. The tiles of a row have one each, or none has. */
  readonly note?: ComponentChildren;
}

export function Tiles({ tiles }: { readonly tiles: readonly Tile[] }): JSX.Element {
  return (
    <dl class="tiles">
      {tiles.map(({ title, value, to, tooltip, note }) => (
        <div key={title} class="tile" title={tooltip}>
          <dt>{title}</dt>
          <dd>{to === undefined ? value : <Link to={to}>{value}</Link>}</dd>
          {note === undefined ? null : <dd class="tile-note">{note}</dd>}
        </div>
      ))}
    </dl>
  );
}
