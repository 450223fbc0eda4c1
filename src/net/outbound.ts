/**
 * The one guarded way out: every URL that a caller gave goes through here. The guard stands in the look-up of the
 * connection itself, so what is judged is the address that the socket then connects to, and a name that changes its
 * answer between a check and the connection (DNS rebinding) gains nothing. Redirects are followed here and not by the
 * library, so each of their targets passes the same guard. The proxy variables of the environment are not honoured.
 * Behind OUTBOUND_PROXY the proxy connects: an address written in a URL or a redirect is still judged here, but what a name
 * resolves to only the proxy can judge.
 */
import type { LookupAddress } from "node:dns";
import { readFileSync } from "node:fs";
import type { LookupFunction } from "node:net";
import { rootCertificates } from "node:tls";
import { Type, type Static, type TObject } from "typebox";
import { Agent, ProxyAgent, type Dispatcher } from "undici";
import { PermanentError } from "../core/job-type.ts";
import { messageOf, StartError } from "../errors.ts";
import { discard, readAnswer, type BodyLimits, type OutboundResponse } from "./answer.ts";
import { within } from "./deadline.ts";
import { Lookups } from "./lookups.ts";
import { NameLookup } from "./name-lookup.ts";
import { followed, isRedirect, type Hop } from "./redirect.ts";
import { parseTarget, refusalOf, TargetRefused } from "./target.ts";

const CONNECT_TIMEOUT_MS = 10_000;

/** What a job type with URLs of its callers spreads into its settings. */
export const outboundSettings = {
  OUTBOUND_ALLOW_PRIVATE: Type.Boolean({
    default: false,
    description:
      "Whether URLs given by callers (webhooks, image sources) may lead to loopback and private networks. Link-local addresses and cloud metadata stay refused.",
  }),
  OUTBOUND_PROXY: Type.Optional(Type.String({
    isSecret: true,
    default: "",
    pattern: "^(https?://[^/?#]+/?)?$",
    expected: "http:// or https://USER:PASSWORD@HOST:PORT",
    description: "A proxy for requests to URLs given by callers, `http://USER:PASSWORD@HOST:PORT`, asked by CONNECT. It must itself refuse private addresses: names are resolved there. Empty: none; the proxy variables of the environment are not honoured",
  })),
  OUTBOUND_CONNECT_TIMEOUT_MS: Type.Optional(Type.Integer({ default: CONNECT_TIMEOUT_MS, minimum: 1, maximum: 600_000, description: "How long a connection to such a URL may take to be made" })),
  OUTBOUND_HEADERS_TIMEOUT_MS: Type.Optional(Type.Integer({ default: 600_000, minimum: 1, maximum: 600_000, description: "How long its answer may take to begin. The time of the whole request stands beside it" })),
  OUTBOUND_BODY_TIMEOUT_MS: Type.Optional(Type.Integer({ default: 60_000, minimum: 1, maximum: 600_000, description: "How long its answer may pause once it has begun" })),
  OUTBOUND_CLIENT_CERT_FILE: Type.Optional(Type.String({ default: "", description: "A PEM file with the certificate and the key that are shown to servers which ask for one (mTLS). Empty: none" })),
  OUTBOUND_CA_FILE: Type.Optional(Type.String({ default: "", description: "A PEM file with certificate authorities that are trusted beside the usual ones. Empty: none" })),
};

/** What is not given has its default. */
export type OutboundSettings = Static<TObject<typeof outboundSettings>>;

/** All addresses of a host. */
export type Resolve = (hostname: string, answer: (error: Error | null, addresses: LookupAddress[]) => void) => void;

export type { OutboundResponse } from "./answer.ts";

export interface OutboundRequest extends BodyLimits {
  /** Default GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | undefined;
  readonly signal?: AbortSignal;
  /** For everything: look-up, connection, redirects and the last byte of the body. Default 30,000. */
  readonly timeoutMs?: number;
  /** How many redirects are followed. Default 0: the redirect itself is the answer. */
  readonly followRedirects?: number;
  /** Called when the first answer begins, a redirect say: whatever fails after that, the host was there. */
  readonly onAnswer?: () => void;
}

/**
 * Opens the guarded client. `resolve` stands in for the system's resolver in tests.
 * @throws {StartError} for a file that cannot be read
 */
export function openOutbound(settings: OutboundSettings, resolve?: Resolve): Outbound {
  const names = new NameLookup();
  const connectTimeoutMs = settings.OUTBOUND_CONNECT_TIMEOUT_MS ?? CONNECT_TIMEOUT_MS;
  const lookups = new Lookups({ addressesOf: (name) => names.addressesOf(name), connectTimeoutMs });
  return new Outbound(settings.OUTBOUND_ALLOW_PRIVATE, openDispatcher(settings, resolve ?? lookups.resolve), () => names.close());
}

function openDispatcher(settings: OutboundSettings, resolve: Resolve): Dispatcher {
  const { OUTBOUND_CLIENT_CERT_FILE: certFile = "", OUTBOUND_CA_FILE: caFile = "", OUTBOUND_PROXY: proxy = "" } = settings;
  const timeouts = { headersTimeout: settings.OUTBOUND_HEADERS_TIMEOUT_MS ?? 600_000, bodyTimeout: settings.OUTBOUND_BODY_TIMEOUT_MS ?? 60_000 };
  const pair = certFile === "" ? undefined : readPem("OUTBOUND_CLIENT_CERT_FILE", certFile);
  const tls = {
    timeout: settings.OUTBOUND_CONNECT_TIMEOUT_MS ?? CONNECT_TIMEOUT_MS,
    ...(pair !== undefined && { cert: pair, key: pair }),
    ...(caFile !== "" && { ca: [...rootCertificates, readPem("OUTBOUND_CA_FILE", caFile)] }),
  };
  if (proxy !== "") return new ProxyAgent({ uri: proxy, requestTls: tls, proxyTls: { timeout: tls.timeout }, proxyTunnel: true, ...timeouts });
  // autoSelectFamily: the look-up is then asked for all addresses, and tries what it was given
  return new Agent({ connect: { ...tls, lookup: guardedLookup(settings.OUTBOUND_ALLOW_PRIVATE, resolve), autoSelectFamily: true }, ...timeouts });
}

function readPem(setting: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new StartError(`${setting} cannot be read: ${messageOf(error)}`, error);
  }
}

export class Outbound {
  readonly #agent: Dispatcher;
  readonly #allowPrivate: boolean;
  readonly #closeNames: () => void;
  #closing: Promise<void> | undefined;

  constructor(allowPrivate: boolean, agent: Dispatcher, closeNames: () => void) {
    this.#allowPrivate = allowPrivate;
    this.#agent = agent;
    this.#closeNames = closeNames;
  }

  /**
   * Sends one request and reads the answer, whatever its status.
   * @throws {TargetRefused} code `target_refused`: the URL, a redirect's or every address of its host is not to be reached
   * @throws {PermanentError} `too_many_redirects`; `too_large` with `onExcess: "fail"`
   * @throws {RetryableError} `timeout` after `timeoutMs`
   * @throws the reason of `signal`; network faults as Node and undici throw them, with their `code`
   */
  fetch(url: string, request: OutboundRequest = {}): Promise<OutboundResponse> {
    const headers = Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
    return within(request.timeoutMs ?? 30_000, request.signal, async (signal) => {
      const first: Hop = {
        url: parseTarget(url, this.#allowPrivate),
        method: request.method ?? "GET",
        headers: Object.fromEntries(headers),
        body: request.body,
      };
      const answer = await this.#send(first, request, signal);
      return readAnswer(answer, request);
    });
  }

  /** Sends a request and, while it is answered by a redirect and `followRedirects` allows, the next one. */
  async #send(first: Hop, { followRedirects: limit = 0, onAnswer }: OutboundRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    let hop = first;
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#agent.request({
        origin: hop.url.origin,
        path: hop.url.pathname + hop.url.search,
        method: hop.method,
        headers: hop.headers,
        body: hop.body ?? null,
        signal,
      });
      if (redirects === 0) onAnswer?.();
      const { location } = answer.headers;
      if (limit === 0 || !isRedirect(answer.statusCode) || typeof location !== "string") return answer;
      discard(answer);
      if (redirects === limit) throw new PermanentError(`more than ${limit} redirects`, { code: "too_many_redirects" });
      const target = URL.canParse(location, hop.url.href) ? new URL(location, hop.url).href : location;
      hop = followed(hop, answer.statusCode, parseTarget(target, this.#allowPrivate));
    }
  }

  /** Closes every connection; a request under way is broken off. */
  close(): Promise<void> {
    this.#closeNames();
    this.#closing ??= this.#agent.destroy();
    return this.#closing;
  }
}

/** A look-up for net.connect that answers with the permitted addresses only, and fails when none is. */
function guardedLookup(allowPrivate: boolean, resolve: Resolve): LookupFunction {
  return (hostname, _options, callback) => {
    resolve(hostname, (error, addresses) => {
      const permitted = error === null ? addresses.filter(({ address }) => refusalOf(address, allowPrivate) === undefined) : [];
      if (error !== null || permitted.length > 0) callback(error, permitted);
      // the address is not told: a caller could map the names of a private network by it
      else callback(new TargetRefused(`the host ${hostname} has no address that may be reached`), []);
    });
  };
}
