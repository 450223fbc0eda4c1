/**
 * The log: lines of JSON on standard output, or readable lines on a terminal. Lines are written in the background, and
 * nothing waits for them; those still buffered when the process exits are written then.
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
  /** A log whose lines all carry these fields: `child({ job_id, type, attempt })`. */
  child(fields: Readonly<Record<string, unknown>>): Log;
  isLevelEnabled(level: Level): boolean;
  /** Resolves when all lines so far are written, or could not be, after 2 s at the latest. */
  flush(): Promise<void>;
};

export type LogFormat = { readonly kind: "json" } | { readonly kind: "pretty"; readonly isColoured: boolean };

export interface LogOptions {
  readonly level: Level | "silent";
  /** The id of this replica, on every line. */
  readonly replica: string;
  /** Lines of JSON by default. */
  readonly format?: LogFormat;
  /** Values that no line may show, whatever field or text they are in. */
  readonly secrets?: readonly string[];
  /** A path or a stream; standard output when not given. */
  readonly destination?: string | DestinationStream;
}

/** The most that is buffered while the reader of standard output is stalled; further lines are dropped. */
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024;
/** How long {@link Log.flush} waits for such a reader. */
const FLUSH_WITHIN_MS = 2_000;

/** What LOG_FORMAT asks for; where it is empty, readable lines on a terminal and JSON elsewhere. */
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
      serializers: { error: unchanged, err: unchanged }, // instead of pino's own: printableError replaces errors
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
    child: (fields) => logOf(logger.child(printableFields(fields))), // pino's formatter does not get these
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
  const written = secrets.map((secret) => JSON.stringify(secret).slice(1, -1)); // as JSON has it
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
  // such as a full disk: jobs continue without a log, and these lines are tried again with the next
  output.on("error", () => undefined);
  return output;
}

const REDACTED = "[redacted]";
/** Deeper fields are cut off, to keep lines short. */
const MAX_DEPTH = 6;

function printableFields(fields: object, depth = 1): Record<string, unknown> {
  try {
    return Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, isSecretName(name) ? REDACTED : printable(value, depth)]),
    );
  } catch {
    return { fields: "[unreadable]" }; // a getter throws, which the writer of the line cannot help
  }
}

/** A copy for the log: without secrets, errors as plain objects, all else unchanged. */
function printable(value: unknown, depth: number): unknown {
  if (value instanceof Error) return printableError(value, depth);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH) return "[cut]";
  if (Array.isArray(value)) return value.map((item: unknown) => printable(item, depth + 1));
  // dates, buffers and the like have a JSON form of their own
  return Object.getPrototypeOf(value) === Object.prototype ? printableFields(value, depth + 1) : value;
}

/** Of the errors of an AggregateError: a failed connection has one for each address of the host. */
const MAX_ERRORS = 10;
/** Fields of an error from Postgres that are logged, beside its `detail`, unless that holds the values of a row. */
const OF_POSTGRES = ["hint", "routine"] as const;
const OF_A_ROW = /^2[23]\w{3}$/;

/** Only fields known to be harmless: other properties of a library's error may hold a request, its headers, a row. */
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
