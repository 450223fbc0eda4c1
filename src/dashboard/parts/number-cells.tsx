/** The columns of numbers in a small table. */
import type { ComponentChildren, JSX } from "preact";

export function NumberHeads({ heads }: { readonly heads: readonly string[] }): JSX.Element {
  return (
    <>
      {heads.map((head) => (
        <th key={head} scope="col" class="number">
          {head}
        </th>
      ))}
    </>
  );
}

interface NumberCellsProps {
  readonly heads: readonly string[];
  /** As many as there are heads. */
  readonly cells: readonly ComponentChildren[];
}

export function NumberCells({ heads, cells }: NumberCellsProps): JSX.Element {
  return (
    <>
      {cells.map((cell, index) => (
        <td key={heads[index]} class="number">
          {cell}
        </td>
      ))}
    </>
  );
}
