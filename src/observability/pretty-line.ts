/**
 * Formats a line of the log for people:
 *
 *   08:15:02.417 INFO  completed  job_id=0199… type=email attempt=1
 *   08:15:02.420 ERROR the recorder failed
 *       connect ECONNREFUSED 127.0.0.1:5432 (ECONNREFUSED)
 *       at …
 */
import { styleText } from "node:util";
import { printable } from "./terminal-text.ts";

type Colour = Parameters<typeof styleText>[0];
type Fields = Readonly<Record<string, unknown>>;

const LEVEL_COLOURS: Readonly<Record<string, Colour>> = {
  trace: "dim",
  debug: "dim",
  info: "green",
  warn: "yellow",
  error: "red",
  fatal: "red",
};
/** Fields that the line shows elsewhere. A terminal shows one replica, so the line omits its id. */
const NOT_LISTED = ["level", "time", "msg", "replica", "error", "err"];
const LEVEL_WIDTH = 5;

/** @param line one line of JSON, as pino writes it, with its line end; text that is not JSON is returned unchanged */
export function prettyLine(line: string, { isColoured }: { readonly isColoured: boolean }): string {
  const fields = parse(line);
  if (fields === undefined) return line;
  const paint = (text: string, colour: Colour): string =>
    isColoured ? styleText(colour, text, { validateStream: false }) : text;
  const level = textOf(fields["level"]);
  const head = [
    paint(clockTime(textOf(fields["time"])), "dim"),
    paint(level.toUpperCase().padEnd(LEVEL_WIDTH), LEVEL_COLOURS[level] ?? "bold"),
    indented(textOf(fields["msg"] ?? "")),
  ].join(" ");
  const rest = Object.entries(fields)
    .filter(([name, value]) => !NOT_LISTED.includes(name) && value !== undefined)
    .map(([name, value]) => `${printable(name)}=${printable(textOf(value))}`)
    .join(" ");
  const errors = [fields["error"], fields["err"]].flatMap((error) => (error === undefined ? [] : errorLines(error)));
  return `${[rest === "" ? head : `${head}  ${paint(rest, "dim")}`, ...errors].join("\n")}\n`;
}

function parse(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined; // not a line of the log
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The local time of day, to the millisecond. */
function clockTime(time: string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return time;
  const pad = (value: number, width = 2): string => String(value).padStart(width, "0");
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${pad(at.getMilliseconds(), 3)}`;
}

/** Formats message, code and stack of an error and of its causes. */
function errorLines(error: unknown): string[] {
  if (typeof error !== "object" || error === null) return [`    ${indented(textOf(error))}`];
  const { type = "Error", code, message = "", stack, cause, errors, ...others } = error as Fields;
  const listed = Object.entries(others).map(([name, value]) => `${printable(name)}=${printable(textOf(value))}`);
  const title = `${textOf(type)}: ${textOf(message)}${code === undefined ? "" : ` (${textOf(code)})`}`;
  const frames = textOf(stack ?? "")
    .split("\n")
    .filter((frame) => frame.startsWith("    at "));
  return [
    `    ${indented([title, ...listed].join(" "))}`,
    ...frames.map((frame) => `    ${printable(frame)}`),
    ...[cause, ...(Array.isArray(errors) ? (errors as unknown[]) : [])]
      .filter((each) => each !== undefined)
      .flatMap((each) => errorLines(each)),
  ];
}

/** Aligns the further lines of a text below the first. */
function indented(text: string): string {
  return text.split("\n").map(printable).join("\n    ");
}
