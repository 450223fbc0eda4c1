/** A button that opens a small panel below it. Escape and a click elsewhere close the panel. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

interface MenuProps {
  readonly label: ComponentChildren;
  readonly children: ComponentChildren;
  /** A class of the panel. */
  readonly kind?: string;
}

export function Menu({ label, children, kind = "" }: MenuProps): JSX.Element {
  const element = useRef<HTMLDetailsElement>(null);
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const onPointer = ({ target }: Event): void => {
      if (element.current && target instanceof Node && !element.current.contains(target)) element.current.open = false;
    };
    document.addEventListener("pointerdown", onPointer);
    return () => document.removeEventListener("pointerdown", onPointer);
  }, []);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || !element.current?.open) return;
    event.preventDefault();
    closeMenu(element.current);
  };
  return (
    <details
      ref={element}
      class="menu"
      onKeyDown={onKeyDown}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
    >
      <summary class="button">{label}</summary>
      {isOpen ? <div class={`menu-panel ${kind}`}>{children}</div> : null}
    </details>
  );
}

/** Closes the menu that an element is in, and returns the focus to its button. */
export function closeMenu(inside: Element): void {
  const menu = inside.closest("details");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary")?.focus();
}
