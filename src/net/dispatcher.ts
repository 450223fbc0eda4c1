/** The HTTP library, opened as the settings say: with a look-up that guards each connection, and tolerant of what servers answer. */
import { readFileSync } from "node:fs";
import type { LookupFunction } from "node:net";
import { rootCertificates } from "node:tls";
import { type Static, type TObject, Type } from "typebox";
import { Agent, buildConnector, type Dispatcher, Pool as HttpPool, ProxyAgent } from "undici";
import { messageOf, StartError } from "../errors.ts";
import { LIBRARY_MAX_HEAD_BYTES, tolerant, withExchanges } from "./exchange.ts";

export const CONNECT_TIMEOUT_MS = 10_000;

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
  OUTBOUND_PROXY: Type.Optional(
    Type.String({
      secret: true,
      isSecret: true,
      default: "",
      pattern: "^(https?://[^/?#]+/?)?$",
      expected: "http:// or https://USER:PASSWORD@HOST:PORT",
      description:
        "A proxy for requests to URLs given by callers, `http://USER:PASSWORD@HOST:PORT`, asked by CONNECT. It must itself refuse private addresses: names are resolved there. Empty: none; the proxy variables of the environment are not honoured",
    }),
  ),
  OUTBOUND_CONNECT_TIMEOUT_MS: Type.Optional(
    Type.Integer({
      default: CONNECT_TIMEOUT_MS,
      minimum: 1,
      maximum: 600_000,
      description: "How long a connection to such a URL may take to be made",
    }),
  ),
  OUTBOUND_HEADERS_TIMEOUT_MS: Type.Optional(
    Type.Integer({
      default: 600_000,
      minimum: 1,
      maximum: 600_000,
      description: "How long its answer may take to begin. The time of the whole request stands beside it",
    }),
  ),
  OUTBOUND_BODY_TIMEOUT_MS: Type.Optional(
    Type.Integer({
      default: 60_000,
      minimum: 1,
      maximum: 600_000,
      description: "How long its answer may pause once it has begun",
    }),
  ),
  OUTBOUND_CLIENT_CERT_FILE: Type.Optional(
    Type.String({
      default: "",
      description:
        "A PEM file with the certificate and the key that are shown to servers which ask for one (mTLS). Empty: none",
    }),
  ),
  OUTBOUND_CA_FILE: Type.Optional(
    Type.String({
      default: "",
      description: "A PEM file with certificate authorities that are trusted beside the usual ones. Empty: none",
    }),
  ),
};

/** What is not given has its default. */
export type OutboundSettings = Static<TObject<typeof outboundSettings>>;

/** @throws {StartError} for a file that cannot be read */
export function openDispatcher(settings: OutboundSettings, lookup: LookupFunction): Dispatcher {
  const {
    OUTBOUND_CLIENT_CERT_FILE: certFile = "",
    OUTBOUND_CA_FILE: caFile = "",
    OUTBOUND_PROXY: proxy = "",
  } = settings;
  const limits = {
    headersTimeout: settings.OUTBOUND_HEADERS_TIMEOUT_MS ?? 600_000,
    bodyTimeout: settings.OUTBOUND_BODY_TIMEOUT_MS ?? 60_000,
    maxHeaderSize: LIBRARY_MAX_HEAD_BYTES,
  };
  const pair = certFile === "" ? undefined : readPem("OUTBOUND_CLIENT_CERT_FILE", certFile);
  const tls = {
    timeout: settings.OUTBOUND_CONNECT_TIMEOUT_MS ?? CONNECT_TIMEOUT_MS,
    ...(pair !== undefined && { cert: pair, key: pair }),
    ...(caFile !== "" && { ca: [...rootCertificates, readPem("OUTBOUND_CA_FILE", caFile)] }),
  };
  if (proxy !== "") {
    // the connector in the options makes the tunnel
    const factory = (origin: URL, options: object): Dispatcher =>
      openPool(origin, options, (options as { readonly connect: buildConnector.connector }).connect);
    return withExchanges(
      new ProxyAgent({
        uri: proxy,
        requestTls: tls,
        proxyTls: { timeout: tls.timeout },
        proxyTunnel: true,
        ...limits,
        factory,
      }),
    );
  }
  // autoSelectFamily: the look-up is then asked for all addresses, and tries what it was given
  const connect = { ...tls, lookup, autoSelectFamily: true };
  return withExchanges(
    new Agent({ ...limits, factory: (origin, options) => openPool(origin, options, buildConnector(connect)) }),
  );
}

function openPool(origin: string | URL, options: object, connect: buildConnector.connector): HttpPool {
  return new HttpPool(origin, { ...(options as HttpPool.Options), connect: tolerant(connect) });
}

function readPem(setting: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new StartError(`${setting} cannot be read: ${messageOf(error)}`, error);
  }
}
