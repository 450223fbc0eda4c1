/** The output of a command and its questions to the user. The output may be a terminal, a file or a pipe. */
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
  /** Colours the text if the output supports colours, else returns it unchanged. */
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
 * Asks on standard error, so that standard output holds results only. Any answer other than y or yes counts as no, and
 * so does the end of the input.
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
