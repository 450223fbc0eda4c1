/** Opens the HTTP library by the settings: a look-up guards each connection, and malformed responses are tolerated. */
import { readFileSync } from "node:fs";
import type { LookupFunction } from "node:net";
import { rootCertificates } from "node:tls";
import { type Static, type TObject, Type } from "typebox";
import { Agent, buildConnector, type Dispatcher, Pool as HttpPool, ProxyAgent } from "undici";
import { messageOf, StartError } from "../errors.ts";
import { LIBRARY_MAX_HEAD_BYTES, tolerant, withExchanges } from "./exchange.ts";

export const CONNECT_TIMEOUT_MS = 10_000;

/** The settings of a job type that requests URLs of its callers; spread them into the type's settings. */
export const outboundSettings = {
  OUTBOUND_ALLOW_PRIVATE: Type.Unsafe<boolean | string>({
    type: "string",
    default: false,
    pattern: "^[\\s0-9A-Fa-fTRULStruls:.,/]*$", // parseAllowed reads it
    typeText: "true, false, networks",
    expected: "true, false, or networks such as 10.1.0.0/16, separated by commas",
    description:
      "Whether URLs given by callers (webhooks, image sources, attachments) may lead to loopback and private networks, or the only such networks they may lead to, as in `10.1.0.0/16,fd12:3456::/32`. Link-local addresses and cloud metadata are always rejected.",
  }),
  OUTBOUND_PROXY: Type.Optional(
    Type.String({
      secret: true,
      default: "",
      pattern: "^(https?://[^/?#]+/?)?$",
      expected: "http:// or https://USER:PASSWORD@HOST:PORT",
      description:
        "A proxy for requests to URLs given by callers, `http://USER:PASSWORD@HOST:PORT`, used with CONNECT. The proxy resolves names, so it must reject private addresses itself. Empty: no proxy; the proxy variables of the environment are ignored",
    }),
  ),
  OUTBOUND_CONNECT_TIMEOUT_MS: Type.Optional(
    Type.Integer({
      default: CONNECT_TIMEOUT_MS,
      minimum: 1,
      maximum: 600_000,
      description: "The time limit for connecting to such a URL, in milliseconds",
    }),
  ),
  OUTBOUND_HEADERS_TIMEOUT_MS: Type.Optional(
    Type.Integer({
      default: 600_000,
      minimum: 1,
      maximum: 600_000,
      description:
        "The time limit until the response begins, in milliseconds. The time limit of the whole request applies as well",
    }),
  ),
  OUTBOUND_BODY_TIMEOUT_MS: Type.Optional(
    Type.Integer({
      default: 60_000,
      minimum: 1,
      maximum: 600_000,
      description: "The longest pause within a response, in milliseconds",
    }),
  ),
  OUTBOUND_CLIENT_CERT_FILE: Type.Optional(
    Type.String({
      default: "",
      description: "A PEM file with the client certificate and key for servers that request one (mTLS). Empty: none",
    }),
  ),
  OUTBOUND_CA_FILE: Type.Optional(
    Type.String({
      default: "",
      description: "A PEM file with certificate authorities to trust in addition to those of Node.js. Empty: none",
    }),
  ),
};

/** An absent setting has its default. */
export type OutboundSettings = Static<TObject<typeof outboundSettings>>;

/** @throws {StartError} a file cannot be read */
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
  // autoSelectFamily: the look-up then returns all permitted addresses, and each is tried
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
