/**
 * Writes a whole answer into a response of the server library: its head, and then its body in the way that suits it.
 */
import type { StreamResponse } from "./download.ts";
import { sendStream, sendWhole } from "./download.ts";
import type { Answer } from "./exchange.ts";
import type { LastResponse, SendLast } from "./last-answer.ts";
import type { RequestFacts } from "./response-head.ts";
import { writeHead } from "./response-head.ts";
import type { ChunkedResponse } from "./text-stream.ts";

/** The part of uWebSockets.js's HttpResponse that is used here. */
export interface HttpResponse extends Omit<StreamResponse, keyof ChunkedResponse>, ChunkedResponse, LastResponse {
  writeStatus(status: string): unknown;
  end(body?: string | Uint8Array, closeConnection?: boolean): unknown;
  endWithoutBody(reportedContentLength?: number, closeConnection?: boolean): unknown;
  getRemoteAddress(): ArrayBuffer;
}

export interface AnsweredRequest {
  readonly isHead: boolean;
  /** No other request is served on the connection after this one. */
  readonly isLastRequest: boolean;
  /** The `Connection` header. */
  readonly connection: string;
  readonly sendLast: SendLast;
  readonly onError: (error: unknown, requestId: string) => void;
}

/** @returns to be called when the connection closes before the client has all of it; undefined if nothing is pending */
export function writeAnswer(
  response: HttpResponse,
  answer: Answer,
  facts: RequestFacts,
  { isHead, isLastRequest, connection, sendLast, onError }: AnsweredRequest,
): (() => void) | undefined {
  const { status, body, isLast = false } = answer;
  writeHead(response, answer, facts);
  if (isLast && typeof body === "string") return sendLast(response, body, { isHead, isFramingWrong: status === 400 });
  if (isHead) {
    const bytes = typeof body === "string" || body instanceof Uint8Array ? Buffer.byteLength(body) : body.bytes;
    writeHeadOnly(response, bytes, { isLastRequest });
    return undefined;
  }
  if (status === 304 || status === 204) {
    response.endWithoutBody();
    return undefined;
  }
  if (typeof body !== "string" && !(body instanceof Uint8Array))
    return sendStream(response, body, (error) => onError(error, facts.id));
  if (connection.toLowerCase() === "close") {
    response.writeHeader("Connection", "close");
    sendWhole(response, typeof body === "string" ? Buffer.from(body) : body); // then the library closes the connection
  } else response.end(body, isLastRequest);
  return undefined;
}

/** The answer to HEAD, with the length that the body would have. */
function writeHeadOnly(
  response: HttpResponse,
  bytes: number,
  { isLastRequest }: Pick<AnsweredRequest, "isLastRequest">,
): void {
  if (isLastRequest) {
    response.writeHeader("Connection", "close");
    response.endWithoutBody(bytes, true);
    return;
  }
  // If the library gets the length instead, it leaves the answer open, and the next request closes the connection.
  response.writeHeader("Content-Length", String(bytes));
  response.endWithoutBody();
}
