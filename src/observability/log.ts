/**
 * The log: JSON lines on standard output, for machines first. Lines are written behind the program's back and never
 * waited for; what is still buffered when the process exits is written then.
 */

import type { DestinationStream, Level, LogFn, Logger } from "pino";
import pino from "pino";
import { codeOf } from "../errors.ts";
import { redactUrls } from "./redacted-url.ts";

/** `log.info({ job_id }, "what happened")`, `log.error({ error }, "what failed")`: fields first, as in pino, or none. */
export type Log = Readonly<Record<Level, LogFn>> & {
  /** A log whose lines all carry these fields: `child({ job_id, type, attempt })`. */
  child(fields: Readonly<Record<string, unknown>>): Log;
  isLevelEnabled(level: Level): boolean;
  /** Resolves when all lines so far are written or cannot be, after 2 s at the latest. */
  flush(): Promise<void>;
};

export interface LogOptions {
  readonly level: Level | "silent";
  /** The id of this replica, on every line. */
  readonly replica: string;
  /** A path, or where lines are written; standard output when not given. */
  readonly destination?: string | DestinationStream;
}

/** What is kept in memory while the reader of standard output stands still; lines beyond it are dropped, not waited for. */
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024;
/** How long an exit waits for such a reader. */
const FLUSH_WITHIN_MS = 2_000;

export function createLog({ level, replica, destination = "" }: LogOptions): Log {
  const logger = pino(
    {
      level,
      base: { replica },
      errorKey: "error",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => printableFields(fields) },
      hooks: { streamWrite: redactUrls },
      serializers: { error: asItIs, err: asItIs }, // instead of pino's own: errors are told below
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
    child: (fields) => logOf(logger.child(printableFields(fields))), // pino's formatter is not asked about these
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

const asItIs = (value: unknown): unknown => value;

function openOutput(path: string) {
  const output = pino.destination({
    dest: path === "" ? 1 : path,
    sync: false,
    minLength: 1,
    maxLength: MAX_BUFFERED_BYTES,
  });
  // a disk that is full, say: jobs go on without a log, and lines are tried again with the next
  output.on("error", () => undefined);
  return output;
}

const SECRET_NAME =
  /pass(?:word|wd|phrase)?$|secret|token|authorization|cookie|api[_-]?key|private[_-]?key|credential/i;
const REDACTED = "[redacted]";
/** Deeper fields are cut off: a log line is no dump. */
const MAX_DEPTH = 6;

function printableFields(fields: object, depth = 1): Record<string, unknown> {
  try {
    return Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        name,
        SECRET_NAME.test(name) ? REDACTED : printable(value, depth),
      ]),
    );
  } catch {
    return { fields: "[unreadable]" }; // a getter throws: that is no fault of whoever writes the line
  }
}

/** A copy fit for a log: secrets taken out, errors told, all else as it is. */
function printable(value: unknown, depth: number): unknown {
  if (value instanceof Error) return printableError(value, depth);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH) return "[cut]";
  if (Array.isArray(value)) return value.map((item: unknown) => printable(item, depth + 1));
  // a date, a buffer and their like know their own text
  return Object.getPrototypeOf(value) === Object.prototype ? printableFields(value, depth + 1) : value;
}

/** Errors that one error stands for: a connection that none of a name's addresses took. */
const MAX_ERRORS = 10;
/** What Postgres says beside the message. Its `detail` is not among them where it holds the values of a row. */
const OF_POSTGRES = ["hint", "routine"] as const;
const OF_A_ROW = /^2[23]\w{3}$/;

/** Only what is known to be harmless: the further properties of a library's error may hold a request, its headers, a row. */
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
  const told = OF_POSTGRES.map((field): [string, unknown] => [
    field,
    (error as unknown as Record<string, unknown>)[field],
  ]).filter(([, text]) => typeof text === "string");
  return {
    type: name,
    code: codeOf(error),
    message,
    ...(Object.fromEntries(told) as Record<string, unknown>),
    ...(typeof detail === "string" && !OF_A_ROW.test(codeOf(error) ?? "") && { detail }),
    ...(typeof $metadata?.httpStatusCode === "number" && { status: $metadata.httpStatusCode }),
    stack,
    ...(Array.isArray(errors) &&
      depth < MAX_DEPTH && { errors: errors.slice(0, MAX_ERRORS).map((each: unknown) => printable(each, depth + 1)) }),
    ...(cause === undefined || depth >= MAX_DEPTH ? {} : { cause: printable(cause, depth + 1) }),
  };
}
