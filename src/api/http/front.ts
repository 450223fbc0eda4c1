/** What every listener does with a request whose head has been read: it finds out who calls, refuses or lets in, and opens the exchange. */

import { Gate } from "../access/authentication.ts";
import { corsHeaders } from "../access/cors.ts";
import { rejectionLog } from "../access/rejection-log.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Route } from "../routes.ts";
import { routesOf } from "../routes.ts";
import { basePathOf } from "./base-path.ts";
import { BufferedBytes } from "./buffered-bytes.ts";
import type { Answer } from "./exchange.ts";
import type { ExchangeHost, HttpResponse } from "./http-exchange.ts";
import { HttpExchange } from "./http-exchange.ts";
import { sendLast } from "./last-answer.ts";
import { Outgoing } from "./outgoing.ts";
import { problem } from "./problem.ts";
import type { RequestHead } from "./request-head.ts";
import { issueOfHead } from "./request-head.ts";
import { RequestIds } from "./request-id.ts";
import { Router } from "./router.ts";

/** What is under way when the server closes may take so long; then connections are cut. */
export const LAST_ANSWERS_MS = 5_000;

/**
 * uWebSockets.js closes a connection that has been idle for 10 s. Its clock has steps of 4 s, which makes it 8 to 12 s, and no setting
 * changes that. Clients that pool connections and read this header use none that is about to be closed.
 */
const KEEP_ALIVE = "\r\nKeep-Alive: timeout=7";

const DRAINING = problem(503, "draining", "This replica is shutting down and takes no more jobs. Another one will.", {
  isLast: true,
});

export interface FrontResponse extends HttpResponse {
  onAborted(listener: () => void): unknown;
}

/** What a listener has read of a request. */
export interface Opening {
  readonly route: Route;
  readonly params: readonly string[];
  readonly query: string;
  readonly isHead: boolean;
  readonly headers: RequestHead;
}

export class Front {
  readonly router: Router;
  readonly gate: Gate;
  /** Of the fast listener; another one replaces what it does in its own way. */
  readonly host: ExchangeHost;
  /** The replica is not ready; everything, submissions included, is answered as before. */
  isLeaving = false;
  /** Submissions are refused; everything else is answered as before. */
  isDraining = false;
  readonly #requestIds = new RequestIds();
  #underWay = 0;
  #idle: (() => void) | undefined;

  constructor(deps: ApiDependencies) {
    const { metrics, log, settings } = deps;
    const { corsOrigins, isOpenToAll, allowedHosts, publicUrl } = settings;
    this.gate = new Gate({ apiKeyCache: deps.apiKeyCache, isOpenToAll, corsOrigins, allowedHosts, publicUrl });
    this.router = new Router(
      routesOf(deps, () => this.isLeaving),
      { corsOrigins, basePath: basePathOf(publicUrl) },
    );
    const logRejection = rejectionLog(log, () => performance.now());
    this.host = {
      onIssue: (error, requestId) => log.error({ error, request_id: requestId }, "request failed"),
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
   * Answers a request, unless its body is to be read first.
   * @param fault found by the listener itself
   * @returns the exchange that takes the body; undefined where nothing of it is needed
   */
  open(opening: Opening, response: FrontResponse, issue?: Answer, host = this.host): HttpExchange | undefined {
    const { route, params, query, isHead, headers } = opening;
    const access = route.admits?.(params, query) === true ? "open" : route.operation.access;
    const caller = this.gate.callerOf(access, headers);
    const id = this.#requestIds.take(headers.requestId);
    // A spread of `opening` would make V8 a hidden class for each request.
    const exchange = new HttpExchange(response, route, host, { id, caller, headers, params, query, isHead });
    this.#underWay += 1;
    response.onAborted(() => exchange.abort());
    // First what ends the connection: after a request whose end is in doubt, nobody may go on there.
    const rejection =
      issue ?? issueOfHead(headers, route.maxBodyBytes) ?? this.gate.rejectionOf(access, caller, headers, response);
    if (rejection) exchange.send(rejection);
    else if (route.takesJobs && this.isDraining) exchange.send(DRAINING);
    else if (route.maxBodyBytes === 0) exchange.handle(new Uint8Array(0));
    else return exchange;
    return undefined;
  }

  /** Resolves when all that is under way is answered, or has had its time. */
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
    await new Promise(setImmediate); // the answers that were the last are being written
  }
}
