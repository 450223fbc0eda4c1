/** Reports errors of Redis and Postgres for the commands that connect to them directly. */
import { StartError } from "../errors.ts";
import { UNREACHABLE } from "./exit-code.ts";
import type { Invocation } from "./invocation.ts";

/**
 * Runs a command and reports a server that does not answer. The StartError of such a server has a cause; that of an
 * invalid command line has none.
 */
export async function reportingUnreachable(
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
