/** The colours: those of the system, or light or dark as the user chose. */
import { effect, signal } from "@preact/signals";
import { readSetting, writeSetting } from "../data/browser-settings.ts";

export type Theme = "system" | "light" | "dark";

const THEMES: readonly Theme[] = ["system", "light", "dark"];

export const theme = signal<Theme>(THEMES.find((each) => each === readSetting("theme")) ?? "system");

const ofSystem = matchMedia("(prefers-color-scheme: dark)");
const isSystemDark = signal(ofSystem.matches);

/** The colours in use; charts draw with them. */
export function isDark(): boolean {
  return theme.value === "system" ? isSystemDark.value : theme.value === "dark";
}

/** Shows the colours, and follows those of the system. */
export function startTheme(): void {
  ofSystem.addEventListener("change", ({ matches }) => {
    isSystemDark.value = matches;
  });
  effect(() => {
    document.documentElement.dataset["theme"] = isDark() ? "dark" : "light";
  });
}

export function setTheme(next: Theme): void {
  theme.value = next;
  writeSetting("theme", next);
}

export function nextTheme(): Theme {
  return THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
}
