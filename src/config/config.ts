/** From the environment to one frozen Config, or to one error that lists every fault. Settings enter here and nowhere else. */
import { isDeepStrictEqual } from "node:util";
import type { Static, TObject } from "typebox";
import type { ApiKey } from "../core/api-key.ts";
import { parseApiKeys } from "../core/api-key.ts";
import type { RatePolicy } from "../core/rate-policy.ts";
import { parseRatePolicy } from "../core/rate-policy.ts";
import { UsageError } from "../errors.ts";
import { redactUrl } from "../observability/redacted-url.ts";
import { parseHostNames } from "./host-names.ts";
import { postgresUrlIssue } from "./postgres-url.ts";
import type { RedisAddr } from "./redis-addr.ts";
import { parseRedisAddr, redisAddrIssue } from "./redis-addr.ts";
import { fileSetting, secretNames, withSecretFiles } from "./secret-files.ts";
import type { ServerAddr } from "./server-addr.ts";
import { parseServerAddr } from "./server-addr.ts";
import type { SettingSchema } from "./setting-value.ts";
import { expectation, parseValue } from "./setting-value.ts";
import { baseSettings } from "./settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

interface ParsedSettings {
  readonly SERVER_ADDR: ServerAddr;
  /** Null: none. */
  readonly PROXY_ADDR: ServerAddr | null;
  /** Null: Redis is to be started here. */
  readonly REDIS_ADDR: RedisAddr | null;
  /** Empty: all types. */
  readonly WORKER_TYPES: readonly string[];
  readonly TASKFLOW_API_KEYS: readonly ApiKey[];
  /** Null: any number. */
  readonly RATE_LIMIT: RatePolicy | null;
  readonly JOB_QUOTA: RatePolicy | null;
  readonly JOB_BYTES_QUOTA: RatePolicy | null;
  readonly CORS_ORIGINS: readonly string[];
  readonly ALLOWED_HOSTS: readonly string[];
}

/** The program's settings by their names; DATABASE_URL and SMTP_URL are empty where that part is to be started here. */
export type Config = Readonly<Omit<Static<typeof baseSettings>, keyof ParsedSettings>> &
  ParsedSettings & {
    /** The values of the settings that job types name, the program's among them: what their `open` is given. */
    readonly typeSettings: Readonly<Record<string, unknown>>;
  };

/** How a setting is read whose schema does not say it all. */
interface Reader {
  /** The value, or undefined for what is none. */
  readonly read: (text: string) => unknown;
  readonly expected: string;
  /** What was expected in place of this value, where more can be said. */
  readonly issueOf?: (text: string) => string | undefined;
}
type Readers = Readonly<Record<string, Reader>>;

const POSTGRES_URL: Reader = {
  read: (text) => (postgresUrlIssue(text) === undefined ? urlLike(text, /^postgres(?:ql)?:\/\//i) : undefined),
  expected: "postgres://USER:PASSWORD@HOST:PORT/DATABASE, the password percent-encoded",
  issueOf: postgresUrlIssue,
};

/** Those that job types name, too. */
const urlReaders: Readers = {
  DATABASE_URL: POSTGRES_URL,
  EXPORT_DATABASE_URL: POSTGRES_URL,
  SMTP_URL: {
    read: (text) => urlLike(text, /^smtps?:\/\/[^/?#]/i),
    expected: "smtp:// or smtps://USER:PASSWORD@HOST:PORT, the password percent-encoded",
  },
};

const readers: Readers = {
  ...urlReaders,
  SERVER_ADDR: { read: parseServerAddr, expected: "host:port, [::1]:8080 or :8080" },
  PROXY_ADDR: {
    read: (text) => (text === "" ? null : parseServerAddr(text)),
    expected: "host:port, [::1]:8081 or :8081",
  },
  REDIS_ADDR: {
    read: (text) => (text === "" ? null : parseRedisAddr(text)),
    expected:
      "host:port, redis:// or rediss://USER:PASSWORD@HOST:PORT/DATABASE, unix:///PATH, or redis+sentinel://HOST:PORT,HOST:PORT/MASTER_NAME/DATABASE, the password percent-encoded",
    issueOf: redisAddrIssue,
  },
  PUBLIC_URL: {
    read: (text) => urlLike(text, /^https?:\/\/[^?#]+$/),
    expected: "a URL such as https://jobs.example.com, without query or fragment",
  },
  WORKER_TYPES: { read: parseTypeNames, expected: "names of job types with commas between" },
  TASKFLOW_API_KEYS: {
    read: parseApiKeys,
    expected: "NAME:SCOPES:SHA256 with commas between, SCOPES being submit, read or admin with + between",
  },
  RATE_LIMIT: { read: parsePolicy, expected: "a number and a time, as in 100/s or 1000/5m" },
  JOB_QUOTA: { read: parsePolicy, expected: "a number and a time, as in 100000/d" },
  JOB_BYTES_QUOTA: { read: parsePolicy, expected: "a number and a time, as in 1000000000/d" },
  CORS_ORIGINS: { read: parseOrigins, expected: "origins as in https://app.example.com, with commas between, or *" },
  ALLOWED_HOSTS: {
    read: parseHostNames,
    expected: "names without a port as in jobs.example.com or *.example.com, with commas between, or *",
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

function urlLike(text: string, scheme: RegExp): string | undefined {
  return text === "" || (scheme.test(text) && URL.canParse(text)) ? text : undefined;
}

function parseTypeNames(text: string): readonly string[] | undefined {
  const names = text === "" ? [] : text.split(",").map((name) => name.trim());
  return names.every((name) => /^[a-z][a-z0-9_]*$/.test(name)) ? Object.freeze([...new Set(names)]) : undefined;
}

/**
 * Reads all settings, the program's and those that job types bring, and the files that `NAME_FILE` names. A variable that is
 * empty counts as not set, so that a compose file may pass it on.
 * @param typeSettings the `settings` of the job types; several may name the same one
 * @throws {UsageError} its message lists every fault, a line each
 */
export function loadConfig(given: Environment, typeSettings: readonly TObject[]): Config {
  const tables = [baseSettings, ...typeSettings];
  const issues = new Set(unknownNames(given, tables));
  const env = withSecretFiles(given, secretNames(tables), issues);
  const base = readSettings(baseSettings, env, readers, issues);
  const ofTypes: Record<string, unknown> = {};
  for (const settings of typeSettings) {
    for (const [name, value] of Object.entries(readSettings(settings, env, urlReaders, issues))) {
      if (name in ofTypes && !isDeepStrictEqual(ofTypes[name], value))
        issues.add(`${name}: several job types name it, and differ in its default or kind`);
      ofTypes[name] = value;
    }
  }
  // By default in the data folder, which no schema can say: what a job makes belongs where all else is kept.
  if ("ARTIFACTS_DIR" in ofTypes && (env.ARTIFACTS_DIR ?? "") === "")
    ofTypes.ARTIFACTS_DIR = `${String(base.DATA_DIR)}/artifacts`;
  const config = { ...base, typeSettings: Object.freeze(ofTypes) } as unknown as Config;
  if (issues.size === 0) contradictions(config).forEach((issue) => issues.add(issue));
  if (issues.size > 0) throw new UsageError([...issues].join("\n"));
  return Object.freeze(config);
}

/** The values of one table of settings; what cannot be read is left out, and told in `faults`. */
function readSettings(
  settings: TObject,
  env: Environment,
  readersByName: Readers,
  issues: Set<string>,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  const { required = [] } = settings as { required?: readonly string[] }; // absent, whatever its type says, where all are optional
  for (const [name, schema] of Object.entries(settings.properties) as [string, SettingSchema][]) {
    const { read, expected, issueOf } = readersByName[name] ?? {
      read: (text: string) => parseValue(schema, text),
      expected: expectation(schema),
    };
    const given = env[name] ?? "";
    const source = given === "" ? schema.default : given;
    if (source === undefined && !required.includes(name)) continue;
    const value = typeof source === "string" ? read(source) : source;
    if (value === undefined)
      issues.add(
        `${name}: expected ${issueOf?.(given) ?? expected}, got ${given === "" ? "nothing" : shown(name, given, env)}`,
      );
    else values[name] = value;
  }
  return values;
}

/** What was given, for a fault: never a password, nor what a file holds, which may be another file than was meant. */
function shown(name: string, text: string, env: Environment): string {
  const isHidden = /SECRET|PASSWORD|TOKEN|_KEYS?$/.test(name) || (env[fileSetting(name)] ?? "") !== "";
  return isHidden ? "a value that is not shown" : JSON.stringify(redactUrl(text));
}

// Kubernetes puts the addresses of a Service named taskflow-… into each container's environment under names like ours
// (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
const SERVICE_LINK = /^TASKFLOW_(?:\w+_)?(?:SERVICE_(?:HOST|PORT)\w*|PORT(?:_\d+_\w+)?)$/;

/** What the `taskflow` command reads: whoever uses it has them in the environment of a server, too. */
const OF_THE_COMMAND = ["TASKFLOW_URL", "TASKFLOW_API_KEY"];

function unknownNames(env: Environment, settings: readonly TObject[]): string[] {
  const known = new Set([
    ...settings.flatMap(({ properties }) => Object.keys(properties)),
    ...secretNames(settings).map(fileSetting),
  ]);
  return Object.keys(env)
    .filter(
      (name) =>
        name.startsWith("TASKFLOW_") &&
        env[name] !== undefined &&
        !known.has(name) &&
        !OF_THE_COMMAND.includes(name) &&
        !SERVICE_LINK.test(name),
    )
    .map(
      (name) =>
        `${name}: no setting has this name; there are ${[...known].filter((other) => /^TASKFLOW_\w+(?<!_FILE)$/.test(other)).join(", ")}`,
    );
}

/** Said here for TASKFLOW_AUTH=none, and by the replica where there turn out to be no keys. */
export const CORS_TO_ALL =
  "CORS_ORIGINS: * without API keys lets every web page read and change everything here: name the origins of your own pages, or create keys (TASKFLOW_API_KEYS, or taskflow keys create) and unset TASKFLOW_AUTH";

/** Faults of settings that are valid each by itself. */
function contradictions({
  RECORD_BATCH_ROWS,
  RECORD_HIGH_MARK,
  RETRY_BASE_MS,
  RETRY_MAX_MS,
  TASKFLOW_AUTH,
  TASKFLOW_API_KEYS,
  CORS_ORIGINS,
}: Config): string[] {
  const issues: string[] = [];
  if (TASKFLOW_AUTH === "none" && CORS_ORIGINS.includes("*")) issues.push(CORS_TO_ALL);
  if (TASKFLOW_AUTH === "none" && TASKFLOW_API_KEYS.length > 0)
    issues.push("TASKFLOW_AUTH: none serves everyone, and TASKFLOW_API_KEYS names keys: set one of the two");
  if (RECORD_HIGH_MARK < RECORD_BATCH_ROWS)
    issues.push(
      `RECORD_HIGH_MARK: expected at least RECORD_BATCH_ROWS (${RECORD_BATCH_ROWS}), got "${RECORD_HIGH_MARK}"`,
    );
  if (RETRY_BASE_MS !== null && RETRY_MAX_MS !== null && RETRY_MAX_MS < RETRY_BASE_MS) {
    issues.push(`RETRY_MAX_MS: expected at least RETRY_BASE_MS (${RETRY_BASE_MS}), got "${RETRY_MAX_MS}"`);
  }
  return issues;
}
