/** The colours: those of the system, or light or dark as the user chose. */
import { signal } from "@preact/signals";
import { readSetting, writeSetting } from "../data/browser-settings.ts";

export type Theme = "system" | "light" | "dark";

const THEMES: readonly Theme[] = ["system", "light", "dark"];

export const theme = signal<Theme>(THEMES.find((each) => each === readSetting("theme")) ?? "system");

/** The colours in use; charts draw with them. */
export function isDark(): boolean {
  return theme.value === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : theme.value === "dark";
}

export function applyTheme(): void {
  document.documentElement.dataset["theme"] = theme.value;
}

export function setTheme(next: Theme): void {
  theme.value = next;
  writeSetting("theme", next);
  applyTheme();
}

export function nextTheme(): Theme {
  return THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
}
