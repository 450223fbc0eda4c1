/**
 * Turns the output of libraries, handlers and Node.js itself into lines of the log: plain text between lines of JSON
 * would break their readers. The log itself, and the program's own messages, bypass this capture.
 */
import type { Log } from "./log.ts";

/** Longer output is truncated. */
const MAX_CHARS = 16 * 1024;
/** The number of lines that are buffered at most until the log is open. */
const MAX_BUFFERED = 1_000;

type Line = (log: Log) => void;

export interface ConsoleOutput {
  /** Writes to the stream itself. */
  readonly print: { readonly stdout: (text: string) => void; readonly stderr: (text: string) => void };
  /** Opens the log, which gets the buffered lines and all later ones. Does nothing if the log is already open. */
  to(open: () => Log): void;
}

/**
 * Captures `process.stdout` and `process.stderr`, including `console` and the output of threads, and each warning of
 * Node.js once.
 */
export function captureConsole(): ConsoleOutput {
  let log: Log | undefined;
  const buffered: Line[] = [];
  const emit = (line: Line): void => {
    if (log) line(log);
    else if (buffered.length < MAX_BUFFERED) buffered.push(line);
  };
  const print = {
    stdout: capture("stdout", (text) => emit((to) => to.info({ stream: "stdout" }, text))),
    stderr: capture("stderr", (text) => emit((to) => to.warn({ stream: "stderr" }, text))),
  };
  takeWarnings((warning) =>
    emit((to) => to.warn({ warning: warning.name, ...("code" in warning && { code: warning.code }) }, warning.message)),
  );
  return {
    print,
    to: (open) => {
      log ??= open();
      for (const line of buffered.splice(0)) line(log);
    },
  };
}

function capture(name: "stdout" | "stderr", onText: (text: string) => void): (text: string) => void {
  const stream = process[name];
  const original = stream.write.bind(stream);
  const write = (
    chunk: string | Uint8Array,
    encoding?: BufferEncoding | ((error?: Error) => void),
    done?: (error?: Error) => void,
  ): boolean => {
    const text = (typeof chunk === "string" ? chunk : Buffer.from(chunk).toString()).trimEnd();
    if (text !== "") onText(text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text);
    const callback = typeof encoding === "function" ? encoding : done;
    if (callback) process.nextTick(callback);
    return true;
  };
  stream.write = write;
  return (text) => void original(text);
}

/**
 * Replaces the printing of warnings by Node.js, which bypasses `process.stderr`. Reports each text once: some come with
 * every connection.
 */
function takeWarnings(onWarning: (warning: Error) => void): void {
  const seen = new Set<string>();
  process.removeAllListeners("warning");
  process.on("warning", (warning) => {
    const key = `${warning.name}: ${warning.message}`;
    if (seen.has(key) || seen.size >= MAX_BUFFERED) return;
    seen.add(key);
    onWarning(warning);
  });
}

/** In a thread: sends its warnings to the main thread, like its other output. */
export function printWarnings(): void {
  takeWarnings(({ name, message }) => void process.stderr.write(`${name}: ${message}\n`));
}

type JobLog = (text: string, fields: Readonly<Record<string, unknown>>) => void;

/**
 * In a thread that runs one attempt at a time: output goes to the log of that attempt, and between attempts to the main
 * thread.
 */
export function printToJob(current: () => JobLog | undefined): void {
  for (const stream of ["stdout", "stderr"] as const) {
    const print = capture(stream, (text) => {
      const log = current();
      if (log) log(text, { stream });
      else print(`${text}\n`);
    });
  }
}
