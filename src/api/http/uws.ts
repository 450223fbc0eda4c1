/**
 * The server: the only file that uses uWebSockets.js. It registers the routes as patterns of that library, reads each
 * request while it is valid (a request until its handler returns, a response until it is answered or aborted), and
 * passes both to {@link Front}.
 */
import type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket } from "uWebSockets.js";
import { StartError } from "../../errors.ts";
import { isLoopbackHost } from "../access/protected-mode.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Route } from "../routes.ts";
import { Front } from "./front.ts";
import type { NodeListenerOptions } from "./node-listener.ts";
import { NodeListener } from "./node-listener.ts";
import { mayNeedNormalizing } from "./normal-path.ts";
import { readHead } from "./request-head.ts";
import { routeFor } from "./router.ts";
import { loadUws } from "./uws-library.ts";

/** LIBUS_LISTEN_EXCLUSIVE_PORT: without it, two processes can share a port without noticing. */
const EXCLUSIVE_PORT = 1;
const METHODS = { GET: "get", HEAD: "head", POST: "post", PUT: "put", PATCH: "patch", DELETE: "del" } as const;

/** The overload of `listen` with host and options, which the library's types lack. */
interface ListeningApp {
  listen(host: string, port: number, options: number, done: (socket: us_listen_socket | false) => void): unknown;
}

export class Server {
  readonly #uws = loadUws();
  readonly #app: TemplatedApp = this.#uws.App();
  readonly #front: Front;
  #socket: us_listen_socket | undefined;
  #forProxies: NodeListener | undefined;
  #closing: Promise<void> | undefined;

  constructor(deps: ApiDependencies) {
    this.#front = new Front(deps);
    this.#register();
  }

  /**
   * @param host a name or address; "" for every interface @param port 0 for a free one
   * @returns the port
   * @throws StartError if it cannot listen on the port
   */
  async listen(host: string, port: number): Promise<number> {
    this.#front.authentication.looksAtPeers = !isLoopbackHost(host);
    // For the address "", the library would choose any free port. "::" listens on IPv4 as well, but fails without IPv6.
    let socket: us_listen_socket | false = false;
    for (const address of host === "" ? ["::", "0.0.0.0"] : [host]) {
      if (socket === false) socket = await this.#listenOn(address, port);
    }
    if (socket === false) {
      throw new StartError(
        `SERVER_ADDR: cannot listen on ${host.includes(":") ? `[${host}]` : host}:${port}: another program has that port, or the address is not this machine's.`,
      );
    }
    this.#socket = socket;
    return this.#uws.us_socket_local_port(socket);
  }

  /** Listens on a second port for proxies (node-listener.ts). Parameters, result and error as of {@link listen}. */
  async listenForProxies(host: string, port: number, options?: NodeListenerOptions): Promise<number> {
    this.#forProxies = new NodeListener(this.#front, options);
    return this.#forProxies.listen(host, port);
  }

  #listenOn(address: string, port: number): Promise<us_listen_socket | false> {
    return new Promise((resolve) => {
      (this.#app as unknown as ListeningApp).listen(address, port, EXCLUSIVE_PORT, resolve);
    });
  }

  /** Makes the readiness probe fail; all other requests, submissions included, are served. */
  leave(): void {
    this.#front.isLeaving = true;
  }

  /** Rejects submissions from now on; all other requests are served. */
  stopAccepting(): void {
    this.#front.isLeaving = true;
    this.#front.isDraining = true;
  }

  /** Stops listening, waits for open requests, and closes all connections. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.stopAccepting();
    if (this.#socket) this.#uws.us_listen_socket_close(this.#socket);
    this.#socket = undefined;
    this.#forProxies?.stop();
    await this.#front.whenIdle();
    this.#app.close();
    this.#forProxies?.cut();
  }

  #register(): void {
    for (const path of this.#front.router.paths) {
      const pattern = path.pattern.replace(/\{(\w+)\}/g, ":$1");
      const params = path.pattern.split("{").length - 1;
      // The library tries the patterns of the request's method first: /jobs/{id} would match a method that /jobs/batch
      // lacks.
      for (const [method, name] of Object.entries(METHODS)) {
        const route = routeFor(path, method);
        this.#app[name](pattern, (response, request) => this.#accept(route, params, response, request));
      }
      this.#app.any(pattern, (response, request) =>
        this.#accept(routeFor(path, request.getMethod().toUpperCase()), params, response, request),
      );
    }
    this.#app.any("/*", (response, request) => this.#accept(undefined, 0, response, request));
  }

  /**
   * @param found the route that the library found by the unnormalised path, with `openParts` parameters; undefined for
   * none
   */
  #accept(found: Route | undefined, openParts: number, response: HttpResponse, request: HttpRequest): void {
    const headers = readHead((visit) => request.forEach(visit), this.#front.userHeader);
    let route = found;
    let params: readonly string[] = openParts === 0 ? [] : [request.getParameter(0), request.getParameter(1)];
    const [first = "", second = ""] = params;
    if (route === undefined || (openParts > 0 && (mayNeedNormalizing(first) || mayNeedNormalizing(second)))) {
      ({ route, params } = this.#front.router.find(request.getMethod().toUpperCase(), request.getUrl()));
    }
    const isHead = route.operation.method === "GET" && request.getMethod() === "head";
    const exchange = this.#front.open({ route, params, query: queryOf(request), isHead, headers }, response);
    if (exchange) response.onData((chunk, isLast) => exchange.receive(chunk, { isLast }));
  }
}

/** Without a `?` it is undefined, although the library's types declare a string. */
function queryOf(request: HttpRequest): string {
  return (request as { getQuery(): string | undefined }).getQuery() ?? "";
}
