/** The list of keyboard shortcuts (`?`). */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { Dialog } from "../parts/dialog.tsx";
import { listed, useKeys } from "./keys.ts";

const isOpen = signal(false);

export function openShortcutList(): void {
  isOpen.value = true;
}

export function ShortcutList(): JSX.Element | null {
  useKeys("Everywhere", { "Shift+?": { text: "This list", run: openShortcutList } });
  if (!isOpen.value) return null;
  const groups = new Map<string, [key: string, text: string][]>();
  for (const { group, shortcuts } of listed.value) {
    const rows = groups.get(group) ?? [];
    groups.set(group, rows);
    for (const [key, { text }] of Object.entries(shortcuts))
      if (!rows.some(([known]) => known === key)) rows.push([key, text]);
  }
  return (
    <Dialog title="Keyboard shortcuts" onClose={() => (isOpen.value = false)}>
      <div class="shortcuts">
        {[...groups].map(([group, rows]) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {rows.map(([key, text]) => (
                <div key={key}>
                  <dt>
                    {keyNames(key).map((name) => (
                      <kbd key={name}>{name}</kbd>
                    ))}
                  </dt>
                  <dd>{text}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <div class="actions">
        <button type="button" class="button" onClick={() => (isOpen.value = false)} autofocus>
          Close
        </button>
      </div>
    </Dialog>
  );
}

function keyNames(key: string): string[] {
  if (key === "Shift+?") return ["?"];
  return key
    .replace("$mod", "Ctrl")
    .split(/[ +]/)
    .map((name) => (name.length === 1 && key.startsWith("$mod") ? name.toUpperCase() : name));
}
