/** Where a command writes and asks: a person's terminal, a file, or the next program of a pipe. */
import { createInterface } from "node:readline/promises";
import { styleText } from "node:util";
import type { Environment } from "../config/config.ts";
import type { Output } from "./exit-code.ts";

export type Colour = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

export interface TerminalOutput extends Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface TerminalInput extends NodeJS.ReadableStream {
  readonly isTTY?: boolean;
}

export interface Terminal {
  readonly out: TerminalOutput;
  readonly err: Output;
  readonly input: TerminalInput;
  /** The text in this colour, or as it is where colours would be in the way. */
  readonly paint: (text: string, colour: Colour | undefined) => string;
}

export function openTerminal({
  out,
  err,
  input,
  env,
}: Pick<Terminal, "out" | "err" | "input"> & { readonly env: Environment }): Terminal {
  const isColoured = hasColours(out, env);
  const paint: Terminal["paint"] = (text, colour) =>
    isColoured && colour !== undefined ? styleText(colour, text, { validateStream: false }) : text;
  return { out, err, input, paint };
}

/** On a terminal that can, unless NO_COLOR (no-color.org) says no; FORCE_COLOR says yes where nobody would guess it. */
function hasColours({ isTTY }: TerminalOutput, { NO_COLOR = "", FORCE_COLOR = "", TERM }: Environment): boolean {
  if (NO_COLOR !== "") return false;
  if (FORCE_COLOR !== "") return FORCE_COLOR !== "0";
  return isTTY === true && TERM !== "dumb";
}

/** Asks on standard error, so that standard output holds answers only. Anything but y or yes is a no, the end of the input too. */
export async function confirm({ input, err }: Pick<Terminal, "input" | "err">, question: string): Promise<boolean> {
  err.write(`${question} [y/N] `);
  const lines = createInterface({ input });
  try {
    for await (const line of lines) return /^y(es)?$/i.test(line.trim());
    return false;
  } finally {
    lines.close();
  }
}

/** Text from elsewhere in one line, what steers a terminal, or turns the direction of writing, written out as escapes. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
