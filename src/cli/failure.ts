/** Reports a failed command and chooses its exit code. */
import { CommanderError } from "commander";
import { TaskFlowError } from "../client/taskflow-error.ts";
import { messageOf, StartError } from "../errors.ts";
import { printable } from "../observability/terminal-text.ts";
import { IN_ORDER, NOT_ENDED, NOT_RUN, REJECTED, UNREACHABLE } from "./exit-code.ts";
import type { Invocation } from "./invocation.ts";

const HINTS: Readonly<Record<string, string>> = {
  unreachable: "\nSet the address of the server with --url or TASKFLOW_URL.",
  unauthorized: "\nSet the API key with --key or TASKFLOW_API_KEY.",
};

/** Prints an error to standard error. @returns the exit code */
export function logFailure(error: unknown, { terminal, isJson }: Pick<Invocation, "terminal" | "isJson">): number {
  // commander has already printed it
  if (error instanceof CommanderError) return error.exitCode === 0 ? IN_ORDER : NOT_RUN;
  const { err } = terminal;
  if (!(error instanceof TaskFlowError)) {
    err.write(
      isJson
        ? `${JSON.stringify({ code: error instanceof StartError ? "usage" : "unexpected", detail: messageOf(error) })}\n`
        : `taskflow: ${messageOf(error)}\n`,
    );
    return NOT_RUN;
  }
  const { code, status, message, errors, id } = error;
  if (isJson)
    err.write(`${JSON.stringify({ code, status, detail: message, errors, ...(id !== undefined && { id }) })}\n`);
  else
    err.write(
      `taskflow: ${printable(message)}${HINTS[status === 401 ? "unauthorized" : code] ?? ""}\n${errors.map((fieldError) => `  ${printable(fieldError.path)}: ${printable(fieldError.message)}\n`).join("")}`,
    );
  if (code === "wait_timeout") return NOT_ENDED;
  return status === 0 || status >= 500 ? UNREACHABLE : REJECTED;
}
