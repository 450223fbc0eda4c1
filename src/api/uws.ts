/**
 * The server: the only file that knows uWebSockets.js. It turns routes into patterns of that library, reads what a request
 * says while it may be read (a request is gone when its handler returns, a response when it was answered or aborted), and
 * leaves the rest to {@link HttpExchange}.
 */
import { BufferedBytes } from "./buffered-bytes.ts";
import type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket } from "uWebSockets.js";
import { StartError } from "../errors.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { Operation } from "./contract/operation.ts";
import { corsHeaders, optionsAnswer } from "./cross-origin.ts";
import type { Answer } from "./exchange.ts";
import { Gate } from "./gate.ts";
import { HttpExchange } from "./http-exchange.ts";
import type { ExchangeHost } from "./http-exchange.ts";
import { Outgoing } from "./outgoing.ts";
import { problem } from "./problem.ts";
import { isLoopbackHost } from "./protected-mode.ts";
import { refusalLog } from "./refusal-log.ts";
import { faultOfHead, readHead } from "./request-head.ts";
import { RequestIds } from "./request-id.ts";
import { routesOf } from "./routes.ts";
import type { Route } from "./routes.ts";
import { loadUws } from "./uws-library.ts";

/** LIBUS_LISTEN_EXCLUSIVE_PORT: without it, two processes share a port in silence. */
const EXCLUSIVE_PORT = 1;
/** What is under way when the server closes may take so long; then connections are cut. */
export const LAST_ANSWERS_MS = 5_000;

const NOT_FOUND = problem(404, "not_found", "There is nothing at this path.");
const DRAINING = problem(503, "draining", "This replica is shutting down and takes no more jobs. Another one will.", { isLast: true });

/** `listen` as it is; the library's types leave out host and options together. */
interface ListeningApp {
  listen(host: string, port: number, options: number, done: (socket: us_listen_socket | false) => void): unknown;
}

export class Server {
  readonly #uws = loadUws();
  readonly #app: TemplatedApp = this.#uws.App();
  readonly #host: ExchangeHost;
  readonly #gate: Gate;
  readonly #requestIds = new RequestIds();
  readonly #corsOrigins: readonly string[];
  #isLeaving = false;
  #isDraining = false;
  #socket: us_listen_socket | undefined;
  #underWay = 0;
  #idle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(deps: ApiDependencies) {
    const { metrics, log, settings } = deps;
    const { corsOrigins, isOpenToAll, allowedHosts, publicUrl } = settings;
    this.#corsOrigins = corsOrigins;
    this.#gate = new Gate({ keyring: deps.keyring, isOpenToAll, corsOrigins, allowedHosts, publicUrl });
    const logRefusal = refusalLog(log, () => performance.now());
    this.#host = {
      onFault: (error, requestId) => log.error({ error, request_id: requestId }, "request failed"),
      onRefused: ({ id, route, caller }, answer) => {
        const { method, pattern } = route.operation;
        logRefusal({ request_id: id, method, pattern, status: answer.status, code: answer.code ?? "", key: caller?.name });
      },
      limits: deps.limits,
      outgoing: new Outgoing(),
      corsHeaders: corsOrigins.length === 0 ? () => [] : (origin) => corsHeaders(origin, corsOrigins),
      onEnd: (method, pattern, status, seconds) => {
        metrics.observeHttp(method, pattern, status, seconds);
        this.#underWay -= 1;
        if (this.#underWay === 0) this.#idle?.();
      },
      buffered: new BufferedBytes(deps.settings.maxBufferedBytes),
    };
    this.#register(routesOf(deps, () => this.#isLeaving));
  }

  /**
   * @param host a name or address; "" for every interface @param port 0 for a free one
   * @returns the port
   * @throws StartError when the port cannot be had
   */
  async listen(host: string, port: number): Promise<number> {
    this.#gate.looksAtPeers = !isLoopbackHost(host);
    // "" is no address to the library: with it, it takes any free port. Both families come with "::", where there is IPv6.
    let socket: us_listen_socket | false = false;
    for (const address of host === "" ? ["::", "0.0.0.0"] : [host]) {
      if (socket === false) socket = await this.#listenOn(address, port);
    }
    if (socket === false) {
      throw new StartError(`SERVER_ADDR: cannot listen on ${host.includes(":") ? `[${host}]` : host}:${port}: another program has that port, or the address is not this machine's.`);
    }
    this.#socket = socket;
    return this.#uws.us_socket_local_port(socket);
  }

  #listenOn(address: string, port: number): Promise<us_listen_socket | false> {
    return new Promise((resolve) => {
      (this.#app as unknown as ListeningApp).listen(address, port, EXCLUSIVE_PORT, resolve);
    });
  }

  /** From now on the replica is not ready; everything, submissions included, is answered as before. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** From now on submissions are refused; everything else is answered as before. */
  stopAccepting(): void {
    this.#isLeaving = true;
    this.#isDraining = true;
  }

  /** Stops listening, waits for what is under way, and cuts all connections. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.stopAccepting();
    if (this.#socket) this.#uws.us_listen_socket_close(this.#socket);
    this.#socket = undefined;
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
    this.#app.close();
  }

  #register(routes: readonly Route[]): void {
    const add = { GET: "get", HEAD: "head", POST: "post", DELETE: "del" } as const;
    const methodsOf = new Map<string, string[]>();
    for (const route of routes) {
      const { method } = route.operation;
      const pattern = route.operation.pattern.replace(/\{(\w+)\}/g, ":$1");
      const methods = method === "GET" ? (["GET", "HEAD"] as const) : [method];
      for (const each of methods) this.#app[add[each]](pattern, (response, request) => this.#accept(route, response, request));
      methodsOf.set(pattern, [...(methodsOf.get(pattern) ?? []), ...methods]);
    }
    for (const [pattern, methods] of methodsOf) {
      const allow = ["Allow", [...methods, "OPTIONS"].join(", ")] as const;
      const notAllowed = this.#answering(problem(405, "method_not_allowed", `This path takes ${allow[1]}.`, { headers: [allow] }));
      const options = this.#answering(optionsAnswer(allow[1], this.#corsOrigins));
      // The library asks the patterns of a request's own method first: /jobs/{id} would take what /jobs/batch does not.
      for (const [method, name] of Object.entries(add)) {
        if (!methods.includes(method)) this.#app[name](pattern, (response, request) => this.#accept(notAllowed, response, request));
      }
      this.#app.any(pattern, (response, request) => this.#accept(request.getMethod() === "options" ? options : notAllowed, response, request));
    }
    const notFound = this.#answering(NOT_FOUND);
    this.#app.any("/*", (response, request) => this.#accept(notFound, response, request));
  }

  /** The route of requests that all get the same answer. Their methods and paths are anybody's, so no label of a metric. */
  #answering(answer: Answer): Route {
    const operation: Operation = { method: "GET", pattern: "other", access: "public", id: "other", tag: "Documentation", summary: "", answers: {} };
    return { operation, handle: (_request, reply) => reply.send(answer), maxBodyBytes: 0, takesJobs: false };
  }

  #accept(route: Route, response: HttpResponse, request: HttpRequest): void {
    const headers = readHead((visit) => request.forEach(visit));
    const params = route.operation.pattern.includes("{") ? [request.getParameter(0), request.getParameter(1)] : [];
    const query = queryOf(request);
    const access = route.admits?.(params, query) === true ? "open" : route.operation.access;
    const caller = this.#gate.callerOf(access, headers);
    const exchange = new HttpExchange(response, route, this.#host, {
      id: this.#requestIds.take(headers.requestId), // a spread here would make V8 a hidden class for each request
      caller,
      headers,
      params,
      query,
      isHead: route.operation.method === "GET" && request.getMethod() === "head",
    });
    this.#underWay += 1;
    response.onAborted(() => exchange.abort());
    // First what ends the connection: after a request whose end is in doubt, nobody may go on there.
    const refusal = faultOfHead(headers, route.maxBodyBytes) ?? this.#gate.refusalOf(access, caller, headers, response);
    const fault = refusal ?? (route.takesJobs && this.#isDraining ? DRAINING : undefined);
    if (fault) exchange.send(fault);
    else if (route.maxBodyBytes === 0) exchange.handle(new Uint8Array(0));
    else response.onData((chunk, isLast) => exchange.receive(chunk, isLast));
  }
}

/** The library's types say that it is a string always; where there is no `?` it is undefined. */
function queryOf(request: HttpRequest): string {
  return (request as { getQuery(): string | undefined }).getQuery() ?? "";
}
