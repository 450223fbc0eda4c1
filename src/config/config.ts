/**
 * Reads the environment into one frozen Config, or throws one error that lists every issue. No other module reads
 * settings.
 */
import { isDeepStrictEqual } from "node:util";
import type { Static, TObject } from "typebox";
import type { ApiKey } from "../core/api-key.ts";
import type { RatePolicy } from "../core/rate-policy.ts";
import { UsageError } from "../errors.ts";
import type { Network } from "../net/networks.ts";
import { redactUrl } from "../observability/redacted-url.ts";
import { withPlatformNames } from "./platform-names.ts";
import type { RedisAddr } from "./redis-addr.ts";
import { namesInFiles, withSecretFiles } from "./secret-files.ts";
import { secretNames, secretValues } from "./secret-settings.ts";
import type { ServerAddr } from "./server-addr.ts";
import type { Readers } from "./setting-readers.ts";
import { baseReaders, urlReaders } from "./setting-readers.ts";
import type { SettingSchema } from "./setting-value.ts";
import { expectation, parseValue } from "./setting-value.ts";
import { baseSettings, DEFAULT_SERVER_ADDR } from "./settings.ts";
import { unknownNames } from "./unknown-names.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

interface ParsedSettings {
  readonly SERVER_ADDR: ServerAddr;
  /** Null: no second address. */
  readonly PROXY_ADDR: ServerAddr | null;
  /** Null: the program starts Redis itself. */
  readonly REDIS_ADDR: RedisAddr | null;
  /** Empty: all types. */
  readonly WORKER_TYPES: readonly string[];
  readonly TASKFLOW_API_KEYS: readonly ApiKey[];
  /** Null: no limit. */
  readonly RATE_LIMIT: RatePolicy | null;
  readonly JOB_QUOTA: RatePolicy | null;
  readonly JOB_BYTES_QUOTA: RatePolicy | null;
  readonly CORS_ORIGINS: readonly string[];
  readonly ALLOWED_HOSTS: readonly string[];
  readonly TRUSTED_PROXIES: readonly Network[];
}

/**
 * The program's settings by their names. DATABASE_URL and SMTP_URL are empty if the program starts that service itself.
 */
export type Config = Readonly<Omit<Static<typeof baseSettings>, keyof ParsedSettings>> &
  ParsedSettings & {
    /**
     * The values of all settings that job types name, including settings of the program: the argument of their `open`.
     */
    readonly typeSettings: Readonly<Record<string, unknown>>;
    /** Values that the log must not show. */
    readonly secrets: readonly string[];
  };

/**
 * Reads all settings, the program's and those of the job types, and the files that `NAME_FILE` names. An empty variable
 * counts as not set, because a compose file may pass on an unset one.
 * @param typeSettings the `settings` of the job types; several types may name the same setting
 * @throws {UsageError} its message lists every issue on its own line
 */
export function loadConfig(given: Environment, typeSettings: readonly TObject[]): Config {
  const tables = [baseSettings, ...typeSettings];
  const issues = new Set(unknownNames(given, tables));
  const { env, sourceOf } = withPlatformNames(given, DEFAULT_SERVER_ADDR, issues);
  const source: Source = {
    env: withSecretFiles(env, namesInFiles(tables), issues),
    sourceOf,
    secrets: new Set(secretNames(tables)),
    issues,
  };
  const base = readSettings(baseSettings, source, baseReaders);
  const ofTypes = readTypeSettings(typeSettings, source);
  // The default depends on DATA_DIR, so a schema cannot express it: artifacts belong next to all other data.
  if ("ARTIFACTS_DIR" in ofTypes && (env.ARTIFACTS_DIR ?? "") === "")
    ofTypes.ARTIFACTS_DIR = `${String(base.DATA_DIR)}/artifacts`;
  const secrets = secretValues({ ...ofTypes, ...base }, tables);
  const config = { ...base, typeSettings: Object.freeze(ofTypes), secrets } as unknown as Config;
  if (issues.size === 0) contradictions(config).forEach((issue) => issues.add(issue));
  if (issues.size > 0) throw new UsageError([...issues].join("\n"));
  return Object.freeze(config);
}

interface Source {
  readonly env: Environment;
  /** The variable that a setting was read from, if it has another name. */
  readonly sourceOf: Readonly<Record<string, string>>;
  readonly secrets: ReadonlySet<string>;
  /** Called with a sentence for each invalid value. */
  readonly issues: Set<string>;
}

function readTypeSettings(tables: readonly TObject[], source: Source): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, value] of tables.flatMap((table) => Object.entries(readSettings(table, source, urlReaders)))) {
    if (name in values && !isDeepStrictEqual(values[name], value))
      source.issues.add(`${name}: several job types name it, with different defaults or types`);
    values[name] = value;
  }
  return values;
}

/** The valid values of one table of settings. */
function readSettings(settings: TObject, source: Source, readers: Readers): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  // absent, despite its type, if all settings are optional
  const { required = [] } = settings as { required?: readonly string[] };
  for (const [name, schema] of Object.entries(settings.properties) as [string, SettingSchema][]) {
    const { read, expected, issueOf } = readers[name] ?? {
      read: (text: string) => parseValue(name, schema, text),
      expected: expectation(name, schema),
    };
    const text = source.env[name] ?? "";
    const given = text === "" ? schema.default : text;
    if (given === undefined && !required.includes(name)) continue;
    const value = typeof given === "string" ? read(given) : given;
    if (value === undefined)
      source.issues.add(
        `${source.sourceOf[name] ?? name}: expected ${issueOf?.(text) ?? expected}, got ${shown(name, text, source)}`,
      );
    else values[name] = value;
  }
  return values;
}

/** Quotes the value of a setting in an issue, unless the setting is secret. */
function shown(name: string, text: string, { secrets }: Source): string {
  if (text === "") return "nothing";
  return secrets.has(name) ? "a value that is not shown" : JSON.stringify(redactUrl(text));
}

/** Used here for TASKFLOW_AUTH=none, and by the replica if Postgres has no keys. */
export const CORS_TO_ALL =
  "CORS_ORIGINS: * without API keys lets every web page read and change everything here: name the origins of your own " +
  "pages, or create keys (TASKFLOW_API_KEYS, or taskflow keys create) and unset TASKFLOW_AUTH";

/** Finds settings that contradict each other although each is valid alone. */
function contradictions({
  RECORD_BATCH_ROWS,
  RECORD_HIGH_MARK,
  RETRY_BASE_MS,
  RETRY_MAX_MS,
  TASKFLOW_AUTH,
  TASKFLOW_API_KEYS,
  CORS_ORIGINS,
  DASHBOARD_USER_HEADER,
  TRUSTED_PROXIES,
}: Config): string[] {
  const issues: string[] = [];
  if (TASKFLOW_AUTH === "none" && CORS_ORIGINS.includes("*")) issues.push(CORS_TO_ALL);
  if (TASKFLOW_AUTH === "none" && TASKFLOW_API_KEYS.length > 0)
    issues.push("TASKFLOW_AUTH: none serves everyone, but TASKFLOW_API_KEYS names keys: set one of the two");
  if (DASHBOARD_USER_HEADER !== "" && TRUSTED_PROXIES.length === 0)
    issues.push(
      "DASHBOARD_USER_HEADER: everybody can send this header, so it counts only from known proxies: set TRUSTED_PROXIES to the address of your auth proxy, such as 127.0.0.1",
    );
  if (RECORD_HIGH_MARK < RECORD_BATCH_ROWS)
    issues.push(
      `RECORD_HIGH_MARK: expected at least RECORD_BATCH_ROWS (${RECORD_BATCH_ROWS}), got "${RECORD_HIGH_MARK}"`,
    );
  if (RETRY_BASE_MS !== null && RETRY_MAX_MS !== null && RETRY_MAX_MS < RETRY_BASE_MS) {
    issues.push(`RETRY_MAX_MS: expected at least RETRY_BASE_MS (${RETRY_BASE_MS}), got "${RETRY_MAX_MS}"`);
  }
  return issues;
}
