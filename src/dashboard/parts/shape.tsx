import type { JSX } from "preact";

/** A small line drawing. @param path in a box of 12 × 12 */
export function Shape({ path }: { readonly path: string }): JSX.Element {
  return (
    <svg class="shape" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      <path d={path} class="line" />
    </svg>
  );
}
