/**
 * The state of the screens is in the URL: the path names the screen, the query holds filters, tab, range and the
 * selected row. A change of the path is a step of the history; a change of the query is one if `push` is set.
 */
import { signal } from "@preact/signals";
import { UI_PATH } from "./base.ts";

export interface Route {
  /** The segments below `/ui`, decoded: `["jobs", ID]`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

/** Null removes a parameter. */
export type QueryChange = Readonly<Record<string, string | null>>;

const current = signal(read());

/** The current route. Components that read it are rendered again when it changes. */
export function route(): Route {
  return current.value;
}

export function startRouter(): void {
  window.addEventListener("popstate", () => {
    current.value = read();
  });
}

/**
 * The URL of a screen.
 * @param path the segments below `/ui`
 */
export function href(path: readonly string[], query: Readonly<Record<string, string>> = {}): string {
  const search = new URLSearchParams(query).toString();
  return [UI_PATH, ...path.map(encodeURIComponent)].join("/") + (search === "" ? "" : `?${search}`);
}

/** Opens a URL of {@link href}, at its top. @param isInPlace for another view of a part of the screen: nothing scrolls */
export function navigate(url: string, { isInPlace = false }: { readonly isInPlace?: boolean } = {}): void {
  history.pushState(null, "", url);
  current.value = read();
  if (!isInPlace) window.scrollTo(0, 0);
}

/** Changes parameters of the query; without `push`, the current step of the history. */
export function setQuery(change: QueryChange, { push = false }: { readonly push?: boolean } = {}): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(change)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const search = query.toString();
  if (search === location.search.slice(1)) return;
  const url = location.pathname + (search === "" ? "" : `?${search}`);
  if (push) history.pushState(null, "", url);
  else history.replaceState(null, "", url);
  current.value = read();
}

function read(): Route {
  const below = location.pathname.startsWith(`${UI_PATH}/`) ? location.pathname.slice(UI_PATH.length + 1) : "";
  const path = below.split("/").filter((segment) => segment !== "");
  return { path: path.map(decoded), query: new URLSearchParams(location.search) };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // not valid percent-encoding: no screen has this name
  }
}
