/** Finds the route of a request by its method and its normalised path. */
import { optionsAnswer } from "../access/cors.ts";
import type { Operation } from "../contract/operation.ts";
import type { Route } from "../routes.ts";
import type { Answer } from "./exchange.ts";
import { normalPath } from "./normal-path.ts";
import { problem } from "./problem.ts";

/** The routes of one path pattern. */
export interface PathRoutes {
  readonly pattern: string;
  readonly byMethod: ReadonlyMap<string, Route>;
  readonly options: Route;
  /** For all other methods. */
  readonly notAllowed: Route;
}

export interface Match {
  readonly route: Route;
  readonly params: readonly string[];
}

export interface RouterOptions {
  readonly corsOrigins: readonly string[];
  /**
   * A prefix of all paths, for a proxy that passes them on unchanged; paths without it are served, too. "" for none.
   */
  readonly basePath: string;
}

const NOT_FOUND: Route = answering(problem(404, "not_found", "There is nothing at this path."));
const NO_PARAMS: readonly string[] = [];

export class Router {
  readonly paths: readonly PathRoutes[];
  readonly #fixed = new Map<string, PathRoutes>();
  readonly #open: { readonly segments: readonly string[]; readonly routes: PathRoutes }[] = [];
  readonly #options: RouterOptions;
  /** The route of `OPTIONS *`, which asks for the methods of the whole server. */
  readonly #optionsOfAll: Route;

  constructor(routes: readonly Route[], options: RouterOptions) {
    this.#options = options;
    const patterns = new Set(routes.map(({ operation }) => operation.pattern));
    this.paths = [...patterns].map((pattern) => {
      const ofPattern = routes.filter(({ operation }) => operation.pattern === pattern);
      return pathRoutes(pattern, ofPattern, options.corsOrigins);
    });
    for (const path of this.paths) {
      if (path.pattern.includes("{")) this.#open.push({ segments: path.pattern.split("/"), routes: path });
      else this.#fixed.set(path.pattern, path);
    }
    this.#optionsOfAll = answering(optionsAnswer("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", options.corsOrigins));
  }

  /** @param method in upper case @param path as the client sent it, without the query */
  find(method: string, path: string): Match {
    if (path === "*" && method === "OPTIONS") return { route: this.#optionsOfAll, params: NO_PARAMS };
    const { basePath } = this.#options;
    const normal = normalPath(path);
    const found = this.#findNormal(method, normal);
    if (found) return found;
    const isBelowBase = basePath !== "" && (normal === basePath || normal.startsWith(`${basePath}/`));
    const below = isBelowBase ? this.#findNormal(method, normal.slice(basePath.length) || "/") : undefined;
    return below ?? { route: NOT_FOUND, params: NO_PARAMS };
  }

  #findNormal(method: string, path: string): Match | undefined {
    const match = this.#at(method, path);
    if (match !== undefined || path === "/" || !path.endsWith("/")) return match;
    const unslashed = path.slice(0, -1);
    const found = this.#at(method, unslashed);
    // The links of a page are relative to its path, so it must not be served with a slash.
    if (found?.route.isPage !== true) return found;
    return { route: redirectTo(`../${unslashed.slice(unslashed.lastIndexOf("/") + 1)}`), params: NO_PARAMS };
  }

  #at(method: string, path: string): Match | undefined {
    const fixed = this.#fixed.get(path);
    if (fixed) return { route: routeFor(fixed, method), params: NO_PARAMS };
    const segments = path.split("/");
    const open = this.#open.find((each) => fits(each.segments, segments));
    return (
      open && {
        route: routeFor(open.routes, method),
        params: segments.filter((_, at) => open.segments[at]?.startsWith("{")),
      }
    );
  }
}

export function routeFor({ byMethod, options, notAllowed }: PathRoutes, method: string): Route {
  return byMethod.get(method) ?? (method === "OPTIONS" ? options : notAllowed);
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length) return false;
  return pattern.every((each, at) => (each.startsWith("{") ? segments[at] !== "" : each === segments[at]));
}

function pathRoutes(pattern: string, routes: readonly Route[], corsOrigins: readonly string[]): PathRoutes {
  const byMethod = new Map<string, Route>();
  for (const route of routes) {
    byMethod.set(route.operation.method, route);
    if (route.operation.method === "GET") byMethod.set("HEAD", route);
  }
  const allow = ["Allow", [...byMethod.keys(), "OPTIONS"].join(", ")] as const;
  const notAllowed = answering(
    problem(405, "method_not_allowed", `This path supports ${allow[1]}.`, { headers: [allow] }),
  );
  return { pattern, byMethod, options: answering(optionsAnswer(allow[1], corsOrigins)), notAllowed };
}

function redirectTo(location: string): Route {
  return answering({ status: 308, headers: [["Location", location]], body: "" });
}

/**
 * A route with a constant answer. Clients choose its paths and methods freely, so they must not become metric labels.
 */
function answering(answer: Answer): Route {
  const described = { id: "other", tag: "Documentation", summary: "", answers: {} } as const;
  const operation: Operation = { method: "GET", pattern: "other", access: "public", ...described };
  return { operation, handle: (_request, reply) => reply.send(answer), maxBodyBytes: 0, takesJobs: false };
}
