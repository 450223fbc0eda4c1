/**
 * Writes the log: lines of JSON on standard output, or readable lines on a terminal. It writes in the background, so
 * callers do not wait; it writes buffered lines when the process exits.
 */
import type { DestinationStream, Level, LogFn, Logger } from "pino";
import pino from "pino";
import { codeOf } from "../errors.ts";
import { prettyLine } from "./pretty-line.ts";
import { redactUrls } from "./redacted-url.ts";
import { isSecretName } from "./secret-name.ts";
import { hasColours } from "./terminal-text.ts";

/**
 * `log.info({ job_id }, "what happened")`, `log.error({ error }, "what failed")`: fields first, as in pino, or none.
 */
export type Log = Readonly<Record<Level, LogFn>> & {
  /** Creates a log that adds these fields to every line: `child({ job_id, type, attempt })`. */
  child(fields: Readonly<Record<string, unknown>>): Log;
  isLevelEnabled(level: Level): boolean;
  /** Resolves when all previous lines are written or have failed, after 2 s at the latest. */
  flush(): Promise<void>;
};

export type LogFormat = { readonly kind: "json" } | { readonly kind: "pretty"; readonly isColoured: boolean };

export interface LogOptions {
  readonly level: Level | "silent";
  /** The id of this replica, on every line. */
  readonly replica: string;
  /** Lines of JSON by default. */
  readonly format?: LogFormat;
  /** Values that no field or text of a line may show. */
  readonly secrets?: readonly string[];
  /** A path or a stream; standard output by default. */
  readonly destination?: string | DestinationStream;
}

/** The buffer for lines while the reader of standard output is stalled. Further lines are dropped. */
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024;
/** How long {@link Log.flush} waits for such a reader. */
const FLUSH_WITHIN_MS = 2_000;

/** The format that LOG_FORMAT selects; if it is empty, readable lines on a terminal and JSON elsewhere. */
export function logFormat(
  setting: "" | "json" | "pretty",
  output: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): LogFormat {
  if (setting === "json" || (setting === "" && output.isTTY !== true)) return { kind: "json" };
  return { kind: "pretty", isColoured: hasColours(output, env) };
}

export function createLog({
  level,
  replica,
  format = { kind: "json" },
  secrets = [],
  destination = "",
}: LogOptions): Log {
  const logger = pino(
    {
      level,
      base: { replica },
      errorKey: "error",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => printableFields(fields) },
      hooks: { streamWrite: lineWriter(format, secrets) },
      // disables pino's serializer, because printableError replaces errors
      serializers: { error: unchanged, err: unchanged },
    },
    typeof destination === "string" ? openOutput(destination) : destination,
  );
  return logOf(logger);
}

function logOf(logger: Logger): Log {
  return {
    trace: logger.trace.bind(logger),
    debug: logger.debug.bind(logger),
    info: logger.info.bind(logger),
    warn: logger.warn.bind(logger),
    error: logger.error.bind(logger),
    fatal: logger.fatal.bind(logger),
    child: (fields) => logOf(logger.child(printableFields(fields))), // pino's formatter does not get these fields
    isLevelEnabled: (level) => logger.isLevelEnabled(level),
    flush: () => flushed(logger),
  };
}

function flushed(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, FLUSH_WITHIN_MS);
    logger.flush(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

const unchanged = (value: unknown): unknown => value;

function lineWriter(format: LogFormat, secrets: readonly string[]): (line: string) => string {
  const written = secrets.map((secret) => JSON.stringify(secret).slice(1, -1)); // as JSON contains it
  const redacted = (line: string): string =>
    redactUrls(written.reduce((text, secret) => text.replaceAll(secret, REDACTED), line));
  return format.kind === "json" ? redacted : (line) => prettyLine(redacted(line), format);
}

function openOutput(path: string) {
  const output = pino.destination({
    dest: path === "" ? 1 : path,
    sync: false,
    minLength: 1,
    maxLength: MAX_BUFFERED_BYTES,
  });
  // such as a full disk: jobs continue without a log, and the next line retries these lines
  output.on("error", () => undefined);
  return output;
}

const REDACTED = "[redacted]";
/** Deeper fields are omitted, to keep lines short. */
const MAX_DEPTH = 6;

function printableFields(fields: object, depth = 1): Record<string, unknown> {
  try {
    return Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, isSecretName(name) ? REDACTED : printable(value, depth)]),
    );
  } catch {
    return { fields: "[unreadable]" }; // a getter throws, which the author of the log call cannot prevent
  }
}

/** Copies a value for the log: without secrets, errors as plain objects, everything else unchanged. */
function printable(value: unknown, depth: number): unknown {
  if (value instanceof Error) return printableError(value, depth);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH) return "[cut]";
  if (Array.isArray(value)) return value.map((item: unknown) => printable(item, depth + 1));
  // dates, buffers and similar objects define their JSON form
  return Object.getPrototypeOf(value) === Object.prototype ? printableFields(value, depth + 1) : value;
}

/**
 * The number of an AggregateError's errors that are logged at most: a failed connection has one per address of the
 * host.
 */
const MAX_ERRORS = 10;
/** The logged fields of an error from Postgres. Its `detail` is logged too, unless it contains the values of a row. */
const OF_POSTGRES = ["hint", "routine"] as const;
const OF_A_ROW = /^2[23]\w{3}$/;

/**
 * Logs only fields that are known to be harmless: other properties of a library's error may contain a request, its
 * headers or a row.
 */
function printableError(error: Error, depth: number): Record<string, unknown> {
  const {
    name,
    message,
    stack = "",
    cause,
    errors,
    detail,
    $metadata,
  } = error as Error & { errors?: unknown; detail?: unknown; $metadata?: { httpStatusCode?: unknown } };
  const ofPostgres = OF_POSTGRES.map((field): [string, unknown] => [
    field,
    (error as unknown as Record<string, unknown>)[field],
  ]).filter(([, text]) => typeof text === "string");
  return {
    type: name,
    code: codeOf(error),
    message,
    ...(Object.fromEntries(ofPostgres) as Record<string, unknown>),
    ...(typeof detail === "string" && !OF_A_ROW.test(codeOf(error) ?? "") && { detail }),
    ...(typeof $metadata?.httpStatusCode === "number" && { status: $metadata.httpStatusCode }),
    stack,
    ...(Array.isArray(errors) &&
      depth < MAX_DEPTH && { errors: errors.slice(0, MAX_ERRORS).map((each: unknown) => printable(each, depth + 1)) }),
    ...(cause === undefined || depth >= MAX_DEPTH ? {} : { cause: printable(cause, depth + 1) }),
  };
}
