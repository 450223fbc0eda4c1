import { isCredential } from "../core/redaction.ts";
import { outboundError } from "./error-codes.ts";

/** One request on a chain of redirects. Header names are lower case. */
export interface Hop {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | undefined;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Headers that must not be sent to an origin that the caller did not name. A webhook's signature may: it proves the
 * body and gives no access.
 */
const isBoundToOrigin = (name: string): boolean => isCredential(name) && !name.startsWith("webhook-");

/** Whether a status redirects the client. 300 and 304 do not. */
export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status);
}

/**
 * How to handle a redirect that fetch would follow without the body: end the chain, or follow it with method and body.
 */
export type BodyRedirect = "refuse" | "keep";

/**
 * The request that follows from a redirect. Method and body stay, and credentials stay on their origin. By the rules of
 * fetch (WHATWG Fetch, "HTTP-redirect fetch") 303, and 301 and 302 of a POST, are followed by a GET without the body:
 * then no receiver would get the body, although the GET succeeds.
 * @param target where the redirect leads, already guarded
 * @throws {PermanentError} `redirect_drops_body`
 */
export function followed(hop: Hop, status: number, target: URL, onDrop: BodyRedirect): Hop {
  const becomesGet =
    status === 303 ? hop.method !== "GET" && hop.method !== "HEAD" : status < 303 && hop.method === "POST";
  if (becomesGet && onDrop === "refuse") {
    throw outboundError.permanent(
      "redirect_drops_body",
      `the redirect (HTTP ${status}) asks for a GET without the body: answer with 307 or 308, or submit the job with the URL that it leads to`,
    );
  }
  if (target.origin === hop.url.origin) return { ...hop, url: target };
  return {
    ...hop,
    url: target,
    headers: Object.fromEntries(Object.entries(hop.headers).filter(([name]) => !isBoundToOrigin(name))),
  };
}
