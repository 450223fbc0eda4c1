/** Which targets the program may be sent to by a caller: the rules for URLs and for the addresses behind them. */
import { isIP } from "node:net";
import { PermanentError, RetryableError } from "../core/job-type.ts";
import { type Allowed, isMetadataName, refusalOf } from "./address.ts";

const NAME = "TargetRefused";

/** The URL, or the address written in it, is one that callers may not reach. No repeat mends it. */
export class TargetRefused extends PermanentError {
  constructor(message: string) {
    super(message, { code: "target_refused" });
    this.name = NAME;
  }
}

/**
 * A name leads to no address that may be reached: it does not exist, or its addresses are refused. Code, text and retries are the same in
 * both cases, else a caller could find out which names a private network has. It is retried, because a name server may be at fault.
 */
export class NameRefused extends RetryableError {
  constructor(hostname: string) {
    super(`the host ${hostname} has no address that may be reached`, { code: "target_refused" });
    this.name = NAME;
  }
}

/** What is wrong with a URL as a target, without looking at its address: one clause, or undefined for a good one. */
export function urlFault(url: string): string | undefined {
  if (!URL.canParse(url)) return "must be an absolute URL";
  const { protocol, username, password } = new URL(url);
  if (protocol !== "http:" && protocol !== "https:") return "must be an http or https URL";
  if (username !== "" || password !== "") return "must not carry credentials";
  return undefined;
}

/**
 * Parses a target. An address written in the URL is judged here, because no look-up happens for it when the socket
 * connects; the parser has already brought `2130706433`, `0x7f.1` and their like to `127.0.0.1` (WHATWG URL). So are the names that
 * need no look-up to be judged, which an OUTBOUND_PROXY would look up.
 * @throws {TargetRefused}
 */
export function parseTarget(url: string, allowed: Allowed): URL {
  const fault = urlFault(url);
  if (fault !== undefined) throw new TargetRefused(`the URL ${fault}`);
  const target = new URL(url);
  const host = target.hostname.replace(/^\[|\]$/g, "");
  const refusal = isIP(host) === 0 ? nameRefusal(host.replace(/\.$/, ""), allowed) : refusalOf(host, allowed);
  if (refusal !== undefined) throw new TargetRefused(`the address ${host} is refused (${refusal})`);
  return target;
}

/** Of `localhost` and the names below it everybody knows where they lead (RFC 6761, 6.3). */
function nameRefusal(name: string, allowed: Allowed): string | undefined {
  if (isMetadataName(name)) return "metadata";
  if (name !== "localhost" && !name.endsWith(".localhost")) return undefined;
  return refusalOf("127.0.0.1", allowed) && refusalOf("::1", allowed);
}
