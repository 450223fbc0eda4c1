/** The head of an answer: its own headers, and those that every answer bears. */
import { STATUS_CODES } from "node:http";
import type { Answer } from "./exchange.ts";
import { JSON_TYPE } from "./exchange.ts";
import { PROBLEM_TYPE } from "./problem.ts";

type Headers = NonNullable<Answer["headers"]>;

export interface HeadWriter {
  writeStatus(status: string): unknown;
  writeHeader(name: string, value: string): unknown;
}

/** What an answer says of its request. */
export interface RequestFacts {
  readonly id: string;
  readonly limitHeaders: Headers;
  readonly corsHeaders: Headers;
}

const statusLines = new Map(Object.entries(STATUS_CODES).map(([status, title]) => [Number(status), `${status} ${title ?? ""}`]));

export function writeHead(response: HeadWriter, { status, contentType, headers, body }: Pick<Answer, "status" | "contentType" | "headers"> & { readonly body?: Answer["body"] }, { id, limitHeaders, corsHeaders }: RequestFacts): void {
  response.writeStatus(statusLines.get(status) ?? String(status));
  if (contentType !== undefined) response.writeHeader("Content-Type", contentType);
  if (headers) for (const [name, value] of headers) response.writeHeader(name, value);
  response.writeHeader("X-Request-Id", id);
  response.writeHeader("X-Content-Type-Options", "nosniff");
  // What is data must never be shown as a page, nor be kept: it may be of a key that is revoked the next moment. A file says for itself.
  const isFile = typeof body === "object" && "open" in body;
  if (!isFile && (contentType === JSON_TYPE || contentType === PROBLEM_TYPE)) {
    response.writeHeader("Cache-Control", "no-store");
    response.writeHeader("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  }
  for (const [name, value] of limitHeaders) response.writeHeader(name, value);
  for (const [name, value] of corsHeaders) response.writeHeader(name, value);
}
