/**
 * Parses the URL of Postgres with its options as libpq does (PostgreSQL manual, "Database Connection Control
 * Functions"). It interprets the TLS options itself, because pg has different rules for them, and rejects options that
 * have no effect.
 */
import { existsSync, readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { rootCertificates } from "node:tls";
import { messageOf, StartError } from "../errors.ts";

/** Whether a connection is encrypted, and how the server's certificate is verified. */
export type Tls = ConnectionOptions | false;

export interface PostgresUrl {
  /** For pg: the URL without the options that this file interprets. */
  readonly config: { readonly connectionString: string; readonly enableChannelBinding?: boolean };
  /** The ways to connect, tried in turn; empty if the URL leaves the choice to the environment (PGSSLMODE). */
  readonly tls: readonly Tls[];
}

const MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
type Mode = (typeof MODES)[number];

/** Interpreted here and not passed to pg. */
const TLS_OPTIONS: readonly string[] = [
  "ssl",
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "sslpassword",
  "uselibpqcompat",
];
/** Applied by pg. */
const PASSED: readonly string[] = [
  "host",
  "port",
  "user",
  "password",
  "application_name",
  "client_encoding",
  "options",
  "sslnegotiation",
];
/** Options whose effect this client always has, or that do not concern it. */
const IDLE: readonly string[] = [
  "fallback_application_name",
  "connect_timeout",
  "keepalives",
  "keepalives_idle",
  "keepalives_interval",
  "keepalives_count",
  "tcp_user_timeout",
  "gssencmode",
  "sslcompression",
  "sslsni",
  "ssl_min_protocol_version",
];
const CHANNEL_BINDINGS: readonly string[] = ["disable", "prefer", "require"];
/** The system's certificates on Debian, Alpine and Red Hat. */
const SYSTEM_ROOTS: readonly string[] = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/cert.pem",
];

/** @throws StartError in one sentence, without the URL, for an unknown option or value */
export function parsePostgresUrl(text: string): PostgresUrl {
  const at = text.indexOf("?");
  const host = hostOf(text);
  if (host.includes(","))
    throw new StartError("The URL of Postgres names more than one host: name one, the primary's.");
  if (at < 0) return { config: { connectionString: text }, tls: [] };
  const options = new URLSearchParams(text.slice(at));
  const left = new URLSearchParams();
  for (const [name, value] of options) {
    if (PASSED.includes(name)) left.append(name, value);
    else if (
      name === "channel_binding"
        ? !CHANNEL_BINDINGS.includes(value)
        : !TLS_OPTIONS.includes(name) && !IDLE.includes(name)
    )
      throw rejected(name, value);
  }
  const query = left.size === 0 ? "" : `?${left.toString().replaceAll("+", "%20")}`;
  const bindsChannel = ["prefer", "require"].includes(options.get("channel_binding") ?? "");
  return {
    config: { connectionString: text.slice(0, at) + query, ...(bindsChannel && { enableChannelBinding: true }) },
    tls: host.startsWith("/") ? [] : tlsOf(options),
  };
}

/**
 * Says why a URL of Postgres cannot be used, as a phrase that can follow "expected"; undefined for a usable URL and for
 * other text.
 */
export function postgresUrlIssue(text: string): string | undefined {
  if (!/^postgres(?:ql)?:/i.test(text)) return undefined;
  try {
    parsePostgresUrl(text);
    return undefined;
  } catch (error) {
    return `a URL that can be used (${messageOf(error)
      .replace(/^The URL of Postgres/, "this one")
      .replace(/\.$/, "")})`;
  }
}

/** The host, or the path of the folder of a Unix socket, which has no TLS. */
function hostOf(text: string): string {
  if (!URL.canParse(text)) return "";
  const url = new URL(text);
  return url.searchParams.get("host") ?? decodeURIComponent(url.hostname);
}

function rejected(name: string, value: string): StartError {
  const known =
    name === "channel_binding"
      ? `it is one of ${CHANNEL_BINDINGS.join(", ")}, not ${JSON.stringify(value)}`
      : "TaskFlow does not support this option: remove it";
  return new StartError(`The URL of Postgres has the option ${JSON.stringify(name)}: ${known}.`);
}

function tlsOf(options: URLSearchParams): readonly Tls[] {
  const mode = modeOf(options);
  if (mode === undefined) return [];
  if (mode === "disable") return [false];
  const tls = verification(mode, options.get("sslrootcert") ?? "");
  const own = {
    ...(options.has("sslcert") && { cert: read("sslcert", options) }),
    ...(options.has("sslkey") && { key: read("sslkey", options) }),
    ...(options.has("sslpassword") && { passphrase: options.get("sslpassword") ?? "" }),
  };
  const encrypted = { ...tls, ...own };
  if (mode === "allow") return [false, encrypted];
  return mode === "prefer" ? [encrypted, false] : [encrypted];
}

/** Undefined without TLS options. A certificate without a mode selects the strictest mode. */
function modeOf(options: URLSearchParams): Mode | undefined {
  const mode = options.get("sslmode") ?? "";
  const ssl = options.get("ssl") ?? "";
  // pg's no-verify is libpq's require
  if (mode === "no-verify" || (mode === "" && ssl === "no-verify")) return "require";
  if (mode !== "") {
    if ((MODES as readonly string[]).includes(mode)) return mode as Mode;
    throw new StartError(`The URL of Postgres has sslmode=${JSON.stringify(mode)}: it is one of ${MODES.join(", ")}.`);
  }
  if (["0", "false"].includes(ssl)) return "disable";
  if (ssl !== "" && !["1", "true"].includes(ssl))
    throw new StartError(
      `The URL of Postgres has ssl=${JSON.stringify(ssl)}: use sslmode instead, one of ${MODES.join(", ")}.`,
    );
  return ssl !== "" || ["sslrootcert", "sslcert", "sslkey"].some((name) => options.has(name))
    ? "verify-full"
    : undefined;
}

/** Like libpq, verifies a root certificate in every mode. */
function verification(mode: Mode, rootFile: string): ConnectionOptions {
  const anyName = { checkServerIdentity: () => undefined };
  if (rootFile === "system" && mode !== "verify-full") {
    throw new StartError(
      `The URL of Postgres has sslrootcert=system with sslmode=${mode}, which would trust any server that has a certificate: use sslmode=verify-full.`,
    );
  }
  if (rootFile === "" || rootFile === "system") {
    if (mode === "verify-full") return { ca: systemRoots() };
    if (mode === "verify-ca")
      throw new StartError(
        "The URL of Postgres has sslmode=verify-ca without sslrootcert: name the file of the certificates to trust, or use sslmode=verify-full.",
      );
    return { rejectUnauthorized: false };
  }
  const ca = readFile("sslrootcert", rootFile);
  return mode === "verify-full" ? { ca } : { ca, ...anyName };
}

function systemRoots(): string[] {
  // Node ignores NODE_EXTRA_CA_CERTS if it gets a list of authorities
  const files = [SYSTEM_ROOTS.find((path) => existsSync(path)), process.env["NODE_EXTRA_CA_CERTS"]].filter(
    (file) => file !== undefined && existsSync(file),
  );
  return [...rootCertificates, ...files.map((file) => readFile("sslrootcert=system", file as string))];
}

function read(name: string, options: URLSearchParams): string {
  return readFile(name, options.get(name) ?? "");
}

function readFile(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new StartError(
      `The file that ${name} names in the URL of Postgres cannot be read (${messageOf(error)}): check its path and its permissions.`,
      error,
    );
  }
}
