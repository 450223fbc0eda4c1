/** Which answers are sent as gzip: texts that are large enough to gain by it. Files are sent as they are. */
import type { Answer } from "./exchange.ts";
import { JSON_TYPE } from "./exchange.ts";

/** Below it, a packet or two carry the text as it is. */
const MIN_LENGTH = 4_096;

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
