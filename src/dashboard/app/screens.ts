/** The screens: their paths, their names, and their code, which is loaded when a screen is first opened. */
import type { ComponentType } from "preact";

export interface ScreenProps {
  /** The segment after the screen's own: an id or a type; undefined without one. */
  readonly item: string | undefined;
}

export interface Screen {
  /** The first segment below `/ui`; "" for the overview. */
  readonly path: string;
  readonly title: string;
  /** Pressed after `g`. */
  readonly key: string;
  readonly load: () => Promise<ComponentType<ScreenProps>>;
}

export const SCREENS: readonly Screen[] = [
  {
    path: "",
    title: "Overview",
    key: "o",
    load: async () => (await import("../screens/overview/overview.tsx")).Overview,
  },
];

export function screenAt(path: string): Screen | undefined {
  return SCREENS.find((screen) => screen.path === path);
}
