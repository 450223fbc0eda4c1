/** The compression of answers: long texts are sent as gzip, files are sent unchanged. */
import { gzip } from "node:zlib";
import type { Answer } from "./exchange.ts";
import { JSON_TYPE } from "./exchange.ts";

/** A shorter text fits into a packet or two uncompressed. */
const MIN_LENGTH = 4_096;
/** Two thirds of the default level's time for a few per cent more bytes. */
const GZIP_LEVEL = 4;

/**
 * Compresses a text on another thread, because a page of jobs may have 8 MiB.
 * @param done gets the answer itself if that fails
 */
export function gzipAnswer(answer: Answer, done: (answer: Answer) => void): void {
  gzip(answer.body as string, { level: GZIP_LEVEL }, (error, body) => {
    const headers = [...(answer.headers ?? []), ["Content-Encoding", "gzip"], ["Vary", "Accept-Encoding"]] as const;
    done(error ? answer : { ...answer, body, headers });
  });
}

/** @param acceptEncoding as in RFC 9110, 12.5.3 */
export function isWorthGzip({ status, contentType, headers, body }: Answer, acceptEncoding: string): boolean {
  return (
    typeof body === "string" &&
    body.length >= MIN_LENGTH &&
    status === 200 &&
    (contentType === JSON_TYPE || contentType?.startsWith("text/") === true) &&
    acceptsGzip(acceptEncoding) &&
    headers?.some(([name]) => name === "Content-Encoding") !== true
  );
}

export function acceptsGzip(acceptEncoding: string): boolean {
  if (acceptEncoding === "") return false;
  const weights = new Map(
    acceptEncoding
      .toLowerCase()
      .split(",")
      .map((part) => {
        const [coding = "", ...parameters] = part.split(";").map((text) => text.trim());
        const weight = parameters.find((text) => text.startsWith("q="));
        return [coding, weight === undefined ? 1 : Number(weight.slice(2))] as const;
      }),
  );
  return (weights.get("gzip") ?? weights.get("x-gzip") ?? weights.get("*") ?? 0) > 0;
}
