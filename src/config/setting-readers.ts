/** Parses the settings that a schema alone cannot describe, and describes the expected form of each in words. */
import { parseApiKeys } from "../core/api-key.ts";
import type { RatePolicy } from "../core/rate-policy.ts";
import { parseRatePolicy } from "../core/rate-policy.ts";
import { parseNetworks } from "../net/networks.ts";
import { parseHostNames } from "./host-names.ts";
import { postgresUrlIssue } from "./postgres-url.ts";
import { parseRedisAddr, redisAddrIssue } from "./redis-addr.ts";
import { parseServerAddr } from "./server-addr.ts";
import { parseUserHeader } from "./user-header.ts";

interface Reader {
  /** Parses the value; undefined for invalid text. */
  readonly read: (text: string) => unknown;
  readonly expected: string;
  /** Describes the issue more precisely than `expected`, if possible. It must not quote a secret part of the text. */
  readonly issueOf?: (text: string) => string | undefined;
}
export type Readers = Readonly<Record<string, Reader>>;

const POSTGRES_URL: Reader = {
  read: (text) => (postgresUrlIssue(text) === undefined ? urlLike(text, /^postgres(?:ql)?:\/\//i) : undefined),
  expected: "postgres://USER:PASSWORD@HOST:PORT/DATABASE, the password percent-encoded",
  issueOf: postgresUrlIssue,
};

/** The settings that job types name, too. */
export const urlReaders: Readers = {
  DATABASE_URL: POSTGRES_URL,
  EXPORT_DATABASE_URL: POSTGRES_URL,
  SMTP_URL: {
    read: (text) => urlLike(text, /^smtps?:\/\/[^/?#]/i),
    expected: "smtp:// or smtps://USER:PASSWORD@HOST:PORT, the password percent-encoded",
  },
};

/** The settings of the program. */
export const baseReaders: Readers = {
  ...urlReaders,
  SERVER_ADDR: { read: parseServerAddr, expected: "host:port, [::1]:8080 or :8080" },
  PROXY_ADDR: {
    read: (text) => (text === "" ? null : parseServerAddr(text)),
    expected: "host:port, [::1]:8081 or :8081",
  },
  REDIS_ADDR: {
    read: (text) => (text === "" ? null : parseRedisAddr(text)),
    expected:
      "host:port, redis:// or rediss://USER:PASSWORD@HOST:PORT/DATABASE, unix:///PATH, or " +
      "redis+sentinel://HOST:PORT,HOST:PORT/MASTER_NAME/DATABASE, the password percent-encoded",
    issueOf: redisAddrIssue,
  },
  PUBLIC_URL: {
    read: (text) => urlLike(text, /^https?:\/\/[^?#]+$/),
    expected: "a URL such as https://jobs.example.com, without query or fragment",
  },
  WORKER_TYPES: { read: parseTypeNames, expected: "names of job types, separated by commas" },
  TASKFLOW_API_KEYS: {
    read: parseApiKeys,
    expected: "NAME:SCOPES:SHA256, separated by commas, SCOPES being submit, read or admin, joined by +",
  },
  RATE_LIMIT: { read: parsePolicy, expected: "a number and a time, as in 100/s or 1000/5m" },
  JOB_QUOTA: { read: parsePolicy, expected: "a number and a time, as in 100000/d" },
  JOB_BYTES_QUOTA: { read: parsePolicy, expected: "a number and a time, as in 1000000000/d" },
  CORS_ORIGINS: { read: parseOrigins, expected: "origins such as https://app.example.com, separated by commas, or *" },
  ALLOWED_HOSTS: {
    read: parseHostNames,
    expected: "names without a port such as jobs.example.com or *.example.com, separated by commas, or *",
  },
  DASHBOARD_LABEL: { read: parseLabel, expected: "a text of at most 40 characters in one line" },
  DASHBOARD_USER_HEADER: {
    read: parseUserHeader,
    expected: "the name of a header that the server does not read itself, such as X-Auth-Request-Email",
  },
  TRUSTED_PROXIES: {
    read: parseNetworks,
    expected: "addresses and networks such as 127.0.0.1, 10.1.0.0/16 or fd00::/8, separated by commas",
  },
};

function parsePolicy(text: string): RatePolicy | null | undefined {
  return text === "" ? null : parseRatePolicy(text);
}

function parseOrigins(text: string): readonly string[] | undefined {
  const origins = text
    .split(",")
    .map((origin) => origin.trim())
    .filter((origin) => origin !== "");
  return origins.every(
    (origin) => origin === "*" || (!origin.includes("*") && URL.canParse(origin) && new URL(origin).origin === origin),
  )
    ? Object.freeze(origins)
    : undefined;
}

function parseLabel(text: string): string | undefined {
  const label = text.trim();
  return /^[^\p{Cc}\u2028\u2029]{0,40}$/u.test(label) ? label : undefined;
}

function urlLike(text: string, scheme: RegExp): string | undefined {
  return text === "" || (scheme.test(text) && URL.canParse(text)) ? text : undefined;
}

function parseTypeNames(text: string): readonly string[] | undefined {
  const names = text === "" ? [] : text.split(",").map((name) => name.trim());
  return names.every((name) => /^[a-z][a-z0-9_]*$/.test(name)) ? Object.freeze([...new Set(names)]) : undefined;
}
