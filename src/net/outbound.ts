/**
 * The guarded HTTP client: every URL of a caller is requested through it. The guard is in the look-up of the connection
 * itself, so it checks the address that the socket connects to, and a name that resolves differently the second time
 * (DNS rebinding) gains nothing. This module follows redirects, not the library, so each target passes the same guard.
 * The proxy variables of the environment are ignored. With OUTBOUND_PROXY the proxy connects: addresses in URLs and
 * redirects are still checked here, but only the proxy can check the addresses of a name.
 */
import type { Dispatcher } from "undici";
import { type Allowed, parseAllowed } from "./address.ts";
import {
  type BodyLimits,
  discard,
  firstValues,
  flawedAnswer,
  type OutboundResponse,
  type PartialAnswer,
  readAnswer,
} from "./answer.ts";
import { within } from "./deadline.ts";
import { CONNECT_TIMEOUT_MS, type OutboundSettings, openDispatcher } from "./dispatcher.ts";
import { outboundError } from "./error-codes.ts";
import type { Exchange } from "./exchange.ts";
import { guardedLookup, type Resolve } from "./guarded-lookup.ts";
import { Lookups } from "./lookups.ts";
import { NameLookup } from "./name-lookup.ts";
import { type BodyRedirect, followed, type Hop, isRedirect } from "./redirect.ts";
import { callersTargets, onlyOrigin, type TargetRule } from "./target.ts";

export type { OutboundResponse } from "./answer.ts";
export { type OutboundSettings, outboundSettings } from "./dispatcher.ts";
export type { Resolve } from "./guarded-lookup.ts";

export interface OutboundRequest extends BodyLimits {
  /** Default GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | undefined;
  readonly signal?: AbortSignal;
  /** The time limit of everything: look-up, connection, redirects and the whole body. Default 30,000. */
  readonly timeoutMs?: number;
  /** How many redirects are followed. Default 0: the redirect itself is the response. */
  readonly followRedirects?: number;
  /** Default "refuse". */
  readonly bodyRedirect?: BodyRedirect;
  /**
   * Whether the status of the last response is enough: a failure after the status has arrived (headers, body, time
   * limit, `signal`) becomes the response's `flaw` and is not thrown.
   */
  readonly statusDecides?: boolean;
  /**
   * Called when the first response begins, also for a redirect. A later failure does not mean that the host is down.
   */
  readonly onAnswer?: () => void;
}

/**
 * Opens the guarded client, for URLs that callers give.
 * @param resolve replaces the system's resolver in tests
 * @throws {StartError} a file that a setting names cannot be read
 */
export function openOutbound(settings: OutboundSettings, resolve?: Resolve): Outbound {
  const allowed = parseAllowed(settings.OUTBOUND_ALLOW_PRIVATE);
  return new Outbound(callersTargets(allowed), ...openConnections(settings, allowed, resolve));
}

/**
 * Opens a client for one service that the operator trusts, such as the gateway that a setting names. The service may be
 * in a private network or on this machine, whatever OUTBOUND_ALLOW_PRIVATE says. Every request and every redirect must
 * lead to the origin of `serviceUrl`, so a URL of a caller gains nothing here. Link-local addresses and cloud metadata
 * are rejected, and OUTBOUND_PROXY, which is for callers' URLs, is not used.
 * @throws {StartError} `serviceUrl` is not an http or https URL, or a file that a setting names cannot be read
 */
export function openTrustedOutbound(serviceUrl: string, settings: TrustedSettings = {}, resolve?: Resolve): Outbound {
  const own = { ...settings, OUTBOUND_ALLOW_PRIVATE: true, OUTBOUND_PROXY: "" };
  return new Outbound(onlyOrigin(serviceUrl), ...openConnections(own, true, resolve));
}

/** The settings that also hold for a trusted service: time limits, client certificate and certificate authorities. */
export type TrustedSettings = Partial<OutboundSettings>;

function openConnections(
  settings: OutboundSettings,
  allowed: Allowed,
  resolve?: Resolve,
): [agent: Dispatcher, closeNames: () => void] {
  const names = new NameLookup();
  const connectTimeoutMs = settings.OUTBOUND_CONNECT_TIMEOUT_MS ?? CONNECT_TIMEOUT_MS;
  const lookups = new Lookups({ addressesOf: (name) => names.addressesOf(name), connectTimeoutMs });
  const agent = openDispatcher(settings, guardedLookup(allowed, resolve ?? lookups.resolve));
  return [agent, () => names.close()];
}

/** The state of a fetch. */
interface Visit {
  /** The exchange of the current request, or of the last one. */
  exchange: Exchange;
  /** The part of the last response that has been read. */
  part?: PartialAnswer;
}

export class Outbound {
  readonly #agent: Dispatcher;
  readonly #targetOf: TargetRule;
  readonly #closeNames: () => void;
  #closing: Promise<void> | undefined;

  constructor(targetOf: TargetRule, agent: Dispatcher, closeNames: () => void) {
    this.#targetOf = targetOf;
    this.#agent = agent;
    this.#closeNames = closeNames;
  }

  /**
   * Sends one request and reads the response, whatever its status.
   * @throws {TargetRejected} `target_refused`: the URL, or that of a redirect, must not be reached
   * @throws {NameRejected} `target_refused`: the host does not exist, or has no address that may be reached
   * @throws {PermanentError} `too_many_redirects`; `redirect_drops_body`; `encoding_unknown`; `too_large` with
   * `onExcess: "fail"`
   * @throws {RetryableError} `timeout` after `timeoutMs`; `encoding_invalid`
   * @throws the reason of `signal`; network errors as Node and undici throw them, with their `code`
   */
  async fetch(url: string, request: OutboundRequest = {}): Promise<OutboundResponse> {
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value;
    const visit: Visit = { exchange: {} };
    try {
      return await within(request.timeoutMs ?? 30_000, request.signal, async (signal) => {
        const first: Hop = {
          url: this.#targetOf(url),
          method: request.method ?? "GET",
          headers,
          body: request.body,
        };
        const answer = await this.#send(first, request, visit, signal);
        visit.part = { status: answer.statusCode, headers: firstValues(answer.headers), pieces: [] };
        return readAnswer(answer, request, visit.part);
      });
    } catch (thrown) {
      const { status } = visit.exchange;
      if (request.statusDecides !== true || status === undefined) throw thrown;
      if (visit.part === undefined) request.onAnswer?.();
      return flawedAnswer(visit.part ?? { status, headers: {}, pieces: [] }, request, thrown);
    }
  }

  /** Sends a request, and follows redirects as far as `followRedirects` allows. */
  async #send(
    first: Hop,
    request: OutboundRequest,
    visit: Visit,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData<Exchange>> {
    const { followRedirects: limit = 0, onAnswer, bodyRedirect = "refuse" } = request;
    let hop = first;
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#agent.request({
        origin: hop.url.origin,
        path: hop.url.pathname + hop.url.search,
        method: hop.method,
        headers: hop.headers,
        body: hop.body ?? null,
        signal,
        opaque: visit.exchange,
      });
      if (redirects === 0) onAnswer?.();
      const { location } = answer.headers;
      if (limit === 0 || !isRedirect(answer.statusCode) || typeof location !== "string") return answer;
      visit.exchange = {}; // the redirect is not the last response
      discard(answer);
      if (redirects === limit) throw outboundError.permanent("too_many_redirects", `more than ${limit} redirects`);
      const target = URL.canParse(location, hop.url.href) ? new URL(location, hop.url).href : location;
      hop = followed(hop, answer.statusCode, this.#targetOf(target), bodyRedirect);
    }
  }

  /** Closes every connection and aborts requests in progress. Idempotent. */
  close(): Promise<void> {
    this.#closeNames();
    this.#closing ??= this.#agent.destroy();
    return this.#closing;
  }
}
