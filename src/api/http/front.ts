/**
 * The common part of all listeners: authenticates a request whose head has been read, rejects it or opens its exchange.
 */
import { Authentication } from "../access/authentication.ts";
import { corsHeaders } from "../access/cors.ts";
import { rejectionLog } from "../access/rejection-log.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Route } from "../routes.ts";
import { routesOf } from "../routes.ts";
import type { HttpResponse } from "./answer-writer.ts";
import { basePathOf } from "./base-path.ts";
import { BufferedBytes } from "./buffered-bytes.ts";
import type { Answer } from "./exchange.ts";
import type { ExchangeHost } from "./http-exchange.ts";
import { HttpExchange } from "./http-exchange.ts";
import { sendLast } from "./last-answer.ts";
import { Outgoing } from "./outgoing.ts";
import { problem } from "./problem.ts";
import type { RequestHead } from "./request-head.ts";
import { rejectionOfHead } from "./request-head.ts";
import { RequestIds } from "./request-id.ts";
import { Router } from "./router.ts";

/** How long a closing server waits for open requests before it closes their connections. */
export const LAST_ANSWERS_MS = 5_000;

/**
 * uWebSockets.js closes a connection that has been idle for 10 s: 8 to 12 s, because its clock has steps of 4 s. No
 * setting changes that. With this header, clients that pool connections avoid one that is about to be closed.
 */
const KEEP_ALIVE = "\r\nKeep-Alive: timeout=7";

const DRAINING = problem(
  503,
  "draining",
  "This replica is shutting down and accepts no more jobs; another replica does.",
  {
    isLast: true,
  },
);

export interface FrontResponse extends HttpResponse {
  onAborted(listener: () => void): unknown;
}

/** A request as the listener has read it. */
export interface Opening {
  readonly route: Route;
  readonly params: readonly string[];
  readonly query: string;
  readonly isHead: boolean;
  readonly headers: RequestHead;
}

export class Front {
  readonly router: Router;
  readonly authentication: Authentication;
  /** The header with the user of an auth proxy, for {@link readHead}. */
  readonly userHeader: string | undefined;
  /** For uWebSockets.js; the other listener replaces some members. */
  readonly host: ExchangeHost;
  /** The readiness probe fails; all other requests, submissions included, are served. */
  isLeaving = false;
  /** Submissions are rejected; all other requests are served. */
  isDraining = false;
  readonly #requestIds = new RequestIds();
  #underWay = 0;
  #idle: (() => void) | undefined;

  constructor(deps: ApiDependencies) {
    const { metrics, log, settings } = deps;
    const { corsOrigins, isOpenToAll, allowedHosts, publicUrl, trustedProxies, dashboard, userHeader } = settings;
    this.userHeader = userHeader === "" ? undefined : userHeader;
    this.authentication = new Authentication({
      apiKeyCache: deps.apiKeyCache,
      isOpenToAll,
      corsOrigins,
      allowedHosts,
      publicUrl,
      trustedProxies,
      mode: dashboard.mode,
    });
    this.router = new Router(
      routesOf(deps, () => this.isLeaving),
      { corsOrigins, basePath: basePathOf(publicUrl) },
    );
    const logRejection = rejectionLog(log, () => performance.now());
    this.host = {
      onError: (error, requestId) => log.error({ error, request_id: requestId }, "request failed"),
      onRejected: ({ id, route, caller }, answer) => {
        const { method, pattern } = route.operation;
        logRejection({
          request_id: id,
          method,
          pattern,
          status: answer.status,
          code: answer.code ?? "",
          key: caller?.name,
        });
      },
      limits: deps.limits,
      outgoing: new Outgoing(),
      corsHeaders: corsOrigins.length === 0 ? () => [] : (origin) => corsHeaders(origin, corsOrigins),
      onEnd: (method, pattern, status, seconds) => {
        metrics.observeHttp(method, pattern, status, seconds);
        this.#underWay -= 1;
        if (this.#underWay === 0) this.#idle?.();
      },
      buffered: new BufferedBytes(settings.maxBufferedBytes),
      sendLast,
      keepAlive: KEEP_ALIVE,
    };
  }

  /**
   * Answers a request, unless its body has to be read first.
   * @param listenerRejection the answer to a request that the listener rejects
   * @returns the exchange that receives the body; undefined if the body is not needed
   */
  open(
    opening: Opening,
    response: FrontResponse,
    listenerRejection?: Answer,
    host = this.host,
  ): HttpExchange | undefined {
    const { route, params, query, isHead, headers } = opening;
    const access = route.admits?.(params, query) === true ? "open" : route.operation.access;
    const caller = this.authentication.callerOf(access, headers, response);
    const id = this.#requestIds.take(headers.requestId);
    // With a spread of `opening`, V8 would create a hidden class for each request.
    const exchange = new HttpExchange(response, route, host, { id, caller, headers, params, query, isHead });
    this.#underWay += 1;
    response.onAborted(() => exchange.abort());
    // Rejections that end the connection come first: if the end of the request is uncertain, nothing after it may be
    // served.
    const rejection =
      listenerRejection ??
      rejectionOfHead(headers, route.maxBodyBytes) ??
      this.authentication.denialOf(access, caller, headers, response);
    if (rejection) exchange.send(rejection);
    else if (route.takesJobs && this.isDraining) exchange.send(DRAINING);
    else if (route.maxBodyBytes === 0) exchange.handle(new Uint8Array(0));
    else return exchange;
    return undefined;
  }

  /** Resolves when all open requests are answered, or {@link LAST_ANSWERS_MS} are over. */
  async whenIdle(): Promise<void> {
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LAST_ANSWERS_MS);
        this.#idle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    await new Promise(setImmediate); // lets the last answers be written
  }
}
