/** Filters and columns that a user saved under a name, in this browser. */
import { readSetting, writeSetting } from "../../data/browser-settings.ts";

export interface View {
  readonly name: string;
  /** The text of the filter box. */
  readonly q: string;
  /** As in the URL; null for those that are shown without a choice. */
  readonly columns: string | null;
}

const SETTING = "views";
const MOST_VIEWS = 50;
export const LONGEST_NAME = 60;

/** In the order in which they were saved. */
export function savedViews(): readonly View[] {
  try {
    const stored = JSON.parse(readSetting(SETTING) ?? "[]") as unknown;
    return Array.isArray(stored) ? stored.filter(isView) : [];
  } catch {
    return []; // not written by this code
  }
}

/** Replaces the view of the same name. */
export function saveView(view: View): void {
  const others = savedViews().filter(({ name }) => name !== view.name);
  write([...others, view].slice(-MOST_VIEWS));
}

export function deleteView(name: string): void {
  write(savedViews().filter((view) => view.name !== name));
}

function write(views: readonly View[]): void {
  writeSetting(SETTING, views.length === 0 ? null : JSON.stringify(views));
}

function isView(value: unknown): value is View {
  if (typeof value !== "object" || value === null) return false;
  const { name, q, columns } = value as Partial<Record<keyof View, unknown>>;
  return typeof name === "string" && typeof q === "string" && (columns === null || typeof columns === "string");
}
