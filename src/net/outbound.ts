/**
 * The one guarded way out: every URL that a caller gave goes through here. The guard stands in the look-up of the
 * connection itself, so what is judged is the address that the socket then connects to, and a name that changes its
 * answer between a check and the connection (DNS rebinding) gains nothing. Redirects are followed here and not by the
 * library, so each of their targets passes the same guard. The proxy variables of the environment are not honoured.
 * Behind OUTBOUND_PROXY the proxy connects: an address written in a URL or a redirect is still judged here, but what a name
 * resolves to only the proxy can judge.
 */
import { TIMEOUT, type LookupAddress } from "node:dns";
import { readFileSync } from "node:fs";
import type { LookupFunction } from "node:net";
import { rootCertificates } from "node:tls";
import { Type, type Static, type TObject } from "typebox";
import { Agent, ProxyAgent, type Dispatcher } from "undici";
import { PermanentError, RetryAfterError } from "../core/job-type.ts";
import { codeOf, messageOf, StartError } from "../errors.ts";
import { parseAllowed, refusalOf, type Allowed } from "./address.ts";
import { discard, readAnswer, type BodyLimits, type OutboundResponse } from "./answer.ts";
import { within } from "./deadline.ts";
import { Lookups } from "./lookups.ts";
import { NameLookup } from "./name-lookup.ts";
import { followed, isRedirect, type Hop } from "./redirect.ts";
import { NameRefused, parseTarget } from "./target.ts";

const CONNECT_TIMEOUT_MS = 10_000;
/** When a look-up fails that leads nowhere: a usual one takes less. */
const REFUSAL_MS = 200;

/** What a job type with URLs of its callers spreads into its settings. */
export const outboundSettings = {
  OUTBOUND_ALLOW_PRIVATE: Type.Unsafe<boolean | string>({
    type: "string",
    default: false,
    pattern: "^[\\s0-9A-Fa-fTRULStruls:.,/]*$", // parseAllowed reads it
    typeText: "true, false, networks",
    expected: "true, false, or networks such as 10.1.0.0/16 with commas between",
    description:
      "Whether URLs given by callers (webhooks, image sources, attachments) may lead to loopback and private networks; or to which of these alone, as in `10.1.0.0/16,fd12:3456::/32`. Link-local addresses and cloud metadata stay refused.",
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
  const allowed = parseAllowed(settings.OUTBOUND_ALLOW_PRIVATE);
  return new Outbound(allowed, openDispatcher(settings, guardedLookup(allowed, resolve ?? lookups.resolve)), () => names.close());
}

function openDispatcher(settings: OutboundSettings, lookup: LookupFunction): Dispatcher {
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
  return new Agent({ connect: { ...tls, lookup, autoSelectFamily: true }, ...timeouts });
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
  readonly #allowed: Allowed;
  readonly #closeNames: () => void;
  #closing: Promise<void> | undefined;

  constructor(allowed: Allowed, agent: Dispatcher, closeNames: () => void) {
    this.#allowed = allowed;
    this.#agent = agent;
    this.#closeNames = closeNames;
  }

  /**
   * Sends one request and reads the answer, whatever its status.
   * @throws {TargetRefused} code `target_refused`: the URL, or a redirect's, is not to be reached
   * @throws {NameRefused} code `target_refused`: its host does not exist, or has no address that may be reached
   * @throws {PermanentError} `too_many_redirects`; `too_large` with `onExcess: "fail"`
   * @throws {RetryableError} `timeout` after `timeoutMs`
   * @throws the reason of `signal`; network faults as Node and undici throw them, with their `code`
   */
  fetch(url: string, request: OutboundRequest = {}): Promise<OutboundResponse> {
    const headers = Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
    return within(request.timeoutMs ?? 30_000, request.signal, async (signal) => {
      const first: Hop = {
        url: parseTarget(url, this.#allowed),
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
      hop = followed(hop, answer.statusCode, parseTarget(target, this.#allowed));
    }
  }

  /** Closes every connection; a request under way is broken off. */
  close(): Promise<void> {
    this.#closeNames();
    this.#closing ??= this.#agent.destroy();
    return this.#closing;
  }
}

/**
 * A look-up for net.connect that answers with the permitted addresses only, and fails when there are none. The caller must not learn which
 * of both it is, that a name does not exist or that its addresses are refused, and so not by the time either: it fails after
 * {@link REFUSAL_MS}, in which most names are looked up. The cause is for the log of this side.
 */
function guardedLookup(allowed: Allowed, resolve: Resolve): LookupFunction {
  return (hostname, _options, callback) => {
    const startedAt = performance.now();
    resolve(hostname, (error, addresses) => {
      const permitted = error === null ? addresses.filter(({ address }) => refusalOf(address, allowed) === undefined) : [];
      if (permitted.length > 0) callback(null, permitted);
      else if (error !== null && !isOfName(error)) callback(error, []);
      else setTimeout(callback, REFUSAL_MS - (performance.now() - startedAt), new NameRefused(hostname), []);
    });
  };
}

/** Whether a look-up failed because of its name: not because no server answered in time, or it never had its turn. */
function isOfName(error: Error): boolean {
  return !(error instanceof RetryAfterError) && codeOf(error) !== TIMEOUT;
}
