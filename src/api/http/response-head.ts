/** Writes the head of an answer: its own headers, and those that every answer has. */
import { STATUS_CODES } from "node:http";
import type { Answer } from "./exchange.ts";
import { JSON_TYPE } from "./exchange.ts";
import { PROBLEM_TYPE } from "./problem.ts";

type Headers = NonNullable<Answer["headers"]>;

export interface HeadWriter {
  writeStatus(status: string): unknown;
}

/** The headers of an answer that depend on its request. */
export interface RequestFacts {
  readonly id: string;
  readonly limitHeaders: Headers;
  readonly corsHeaders: Headers;
  /** A header line, with a line end before it; "" if the connection ends with the answer. */
  readonly keepAlive: string;
}

const AFTER_STATUS = "\r\nX-Request-Id: ";
const statusLines = new Map(
  Object.entries(STATUS_CODES).map(([status, title]) => [Number(status), `${status} ${title ?? ""}${AFTER_STATUS}`]),
);

/** Browsers must neither render data as HTML nor cache it: its API key may be revoked a moment later. */
const DATA_HEADERS = [
  "X-Content-Type-Options: nosniff",
  "Cache-Control: no-store",
  "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
].join("\r\n");

/** The header lines of JSON and problem documents. */
const dataLines = new Map(
  [JSON_TYPE, PROBLEM_TYPE].map((type) => [type, `\r\nContent-Type: ${type}\r\n${DATA_HEADERS}`]),
);

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
  const isFile = typeof body === "object" && "open" in body; // the file adds its own headers
  const ofData = contentType === undefined || isFile ? undefined : dataLines.get(contentType);
  const ofType =
    ofData ??
    `${contentType === undefined ? "" : `\r\nContent-Type: ${contentType}`}\r\nX-Content-Type-Options: nosniff`;
  // All lines in one call: each call into the server library costs as much as a hundred more bytes.
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
  if (headers) for (const header of headers) lines += `\r\n${header[0]}: ${header[1]}`;
  return lines;
}
