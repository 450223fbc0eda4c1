import { isCredential } from "../core/redaction.ts";

/** One request on a chain of redirects. Header names are lower case. */
export interface Hop {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | undefined;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** What must not reach an origin that the caller did not name. A webhook's signature is none: it proves the body, and opens nothing. */
const staysHome = (name: string): boolean => isCredential(name) && !name.startsWith("webhook-");

/** The headers that describe a body, dropped with it. */
const ABOUT_BODY = new Set(["content-type", "content-encoding", "content-language", "content-location", "content-length"]);

/** Whether a status asks the client to go elsewhere. 300 and 304 do not. */
export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status);
}

/**
 * The request that follows from a redirect, by the rules of fetch (WHATWG Fetch, "HTTP-redirect fetch"): 303 becomes
 * GET, 301 and 302 turn POST into GET, and a body goes with the method; credentials stay on their origin.
 * @param target where the redirect leads, already guarded
 */
export function followed(hop: Hop, status: number, target: URL): Hop {
  const becomesGet = status === 303 ? hop.method !== "GET" && hop.method !== "HEAD" : status < 303 && hop.method === "POST";
  const isElsewhere = target.origin !== hop.url.origin;
  const headers = Object.entries(hop.headers).filter(
    ([name]) => !(becomesGet && ABOUT_BODY.has(name)) && !(isElsewhere && staysHome(name)),
  );
  return {
    url: target,
    method: becomesGet ? "GET" : hop.method,
    headers: Object.fromEntries(headers),
    body: becomesGet ? undefined : hop.body,
  };
}
