/** Redis and Postgres, where a command speaks with them itself. */
import { StartError } from "../errors.ts";
import { UNREACHABLE } from "./exit-code.ts";
import type { Invocation } from "./invocation.ts";

/** Tells a server that does not answer (its StartError has a cause) from what was asked wrongly. */
export async function whereServersAnswer(
  { terminal, isJson }: Invocation,
  run: () => Promise<number>,
): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof StartError) || error.cause === undefined) throw error;
    terminal.err.write(
      isJson ? `${JSON.stringify({ code: "unreachable", detail: error.message })}\n` : `taskflow: ${error.message}\n`,
    );
    return UNREACHABLE;
  }
}
