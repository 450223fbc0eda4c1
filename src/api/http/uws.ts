/**
 * The server: the only file that knows uWebSockets.js. It turns routes into patterns of that library, reads what a request
 * says while it may be read (a request is gone when its handler returns, a response when it was answered or aborted), and
 * leaves the rest to {@link Front}.
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

/** LIBUS_LISTEN_EXCLUSIVE_PORT: without it, two processes share a port in silence. */
const EXCLUSIVE_PORT = 1;
const METHODS = { GET: "get", HEAD: "head", POST: "post", DELETE: "del" } as const;

/** `listen` as it is; the library's types leave out host and options together. */
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
   * @throws StartError when the port cannot be had
   */
  async listen(host: string, port: number): Promise<number> {
    this.#front.gate.looksAtPeers = !isLoopbackHost(host);
    // "" is no address to the library: with it, it takes any free port. Both families come with "::", where there is IPv6.
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

  /** Listens for proxies besides (node-listener.ts). Parameters, result and error as of {@link listen}. */
  async listenForProxies(host: string, port: number, options?: NodeListenerOptions): Promise<number> {
    this.#forProxies = new NodeListener(this.#front, options);
    return this.#forProxies.listen(host, port);
  }

  #listenOn(address: string, port: number): Promise<us_listen_socket | false> {
    return new Promise((resolve) => {
      (this.#app as unknown as ListeningApp).listen(address, port, EXCLUSIVE_PORT, resolve);
    });
  }

  /** From now on the replica is not ready; everything, submissions included, is answered as before. */
  leave(): void {
    this.#front.isLeaving = true;
  }

  /** From now on submissions are refused; everything else is answered as before. */
  stopAccepting(): void {
    this.#front.isLeaving = true;
    this.#front.isDraining = true;
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
    this.#forProxies?.stop();
    await this.#front.whenIdle();
    this.#app.close();
    this.#forProxies?.cut();
  }

  #register(): void {
    for (const path of this.#front.router.paths) {
      const pattern = path.pattern.replace(/\{(\w+)\}/g, ":$1");
      const params = path.pattern.split("{").length - 1;
      // The library asks the patterns of a request's own method first: /jobs/{id} would take what /jobs/batch does not.
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

  /** @param found by the library, which compares paths as they come, with so many open parts; undefined where it found nothing */
  #accept(found: Route | undefined, openParts: number, response: HttpResponse, request: HttpRequest): void {
    const headers = readHead((visit) => request.forEach(visit));
    let route = found;
    let params: readonly string[] = openParts === 0 ? [] : [request.getParameter(0), request.getParameter(1)];
    const [first = "", second = ""] = params;
    if (route === undefined || (openParts > 0 && (mayNeedNormalizing(first) || mayNeedNormalizing(second)))) {
      ({ route, params } = this.#front.router.find(request.getMethod().toUpperCase(), request.getUrl()));
    }
    const isHead = route.operation.method === "GET" && request.getMethod() === "head";
    const exchange = this.#front.open({ route, params, query: queryOf(request), isHead, headers }, response);
    if (exchange) response.onData((chunk, isLast) => exchange.receive(chunk, isLast));
  }
}

/** The library's types say that it is a string always; where there is no `?` it is undefined. */
function queryOf(request: HttpRequest): string {
  return (request as { getQuery(): string | undefined }).getQuery() ?? "";
}
