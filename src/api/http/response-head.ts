/** The head of an answer: its own headers, and those that every answer bears. */
import { STATUS_CODES } from "node:http";
import type { Answer } from "./exchange.ts";
import { JSON_TYPE } from "./exchange.ts";
import { PROBLEM_TYPE } from "./problem.ts";

type Headers = NonNullable<Answer["headers"]>;

export interface HeadWriter {
  writeStatus(status: string): unknown;
}

/** What an answer says of its request. */
export interface RequestFacts {
  readonly id: string;
  readonly limitHeaders: Headers;
  readonly corsHeaders: Headers;
  /** A line, with the line end before it; "" where the connection ends with the answer. */
  readonly keepAlive: string;
}

const AFTER_STATUS = "\r\nX-Request-Id: ";
const statusLines = new Map(
  Object.entries(STATUS_CODES).map(([status, title]) => [Number(status), `${status} ${title ?? ""}${AFTER_STATUS}`]),
);

/** What is data must never be shown as a page, nor be kept: it may be of a key that is revoked the next moment. */
const OF_DATA = [
  "X-Content-Type-Options: nosniff",
  "Cache-Control: no-store",
  "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
].join("\r\n");

/** The lines of an answer with a Content-Type of ours. */
const dataLines = new Map([JSON_TYPE, PROBLEM_TYPE].map((type) => [type, `\r\nContent-Type: ${type}\r\n${OF_DATA}`]));

export function writeHead(
  response: HeadWriter,
  {
    status,
    contentType,
    headers,
    body,
  }: Pick<Answer, "status" | "contentType" | "headers"> & { readonly body?: Answer["body"] },
  { id, limitHeaders, corsHeaders, keepAlive }: RequestFacts,
): void {
  const isFile = typeof body === "object" && "open" in body; // it says for itself
  const ofData = contentType === undefined || isFile ? undefined : dataLines.get(contentType);
  const ofType =
    ofData ??
    `${contentType === undefined ? "" : `\r\nContent-Type: ${contentType}`}\r\nX-Content-Type-Options: nosniff`;
  // All lines in one call: each into the server library costs as much as a hundred bytes more.
  response.writeStatus(
    (statusLines.get(status) ?? String(status) + AFTER_STATUS) +
      id +
      keepAlive +
      ofType +
      linesOf(headers) +
      linesOf(limitHeaders) +
      linesOf(corsHeaders),
  );
}

function linesOf(headers: Headers | undefined): string {
  let lines = "";
  if (headers) for (const [name, value] of headers) lines += `\r\n${name}: ${value}`;
  return lines;
}
