/** Where a command writes its output and asks questions: a terminal, a file, or the next program of a pipe. */
import { createInterface } from "node:readline/promises";
import { styleText } from "node:util";
import type { Environment } from "../config/config.ts";
import { hasColours } from "../observability/terminal-text.ts";
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
  /** The text in this colour, or unchanged where the output takes no colours. */
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

/**
 * Asks on standard error, so that standard output holds results only. Anything but y or yes counts as no, the end of
 * the input too.
 */
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
