/** Which targets the program may be sent to by a caller: the rules for URLs and for the addresses behind them. */
import { isIP } from "node:net";
import { PermanentError, RetryableError } from "../core/job-type.ts";
import { StartError } from "../errors.ts";
import { type Allowed, isMetadataName, rejectionOf } from "./address.ts";
import type { outboundErrors } from "./error-codes.ts";

const NAME = "TargetRefused";
const CODE: keyof typeof outboundErrors = "target_refused";

/** The URL, or the address written in it, is one that callers may not reach. No repeat mends it. */
export class TargetRejected extends PermanentError {
  constructor(message: string) {
    super(message, { code: CODE });
    this.name = NAME;
  }
}

/**
 * A name leads to no address that may be reached: it does not exist, or its addresses are refused. Code, text and retries are the same in
 * both cases, else a caller could find out which names a private network has. It is retried, because a name server may be at fault.
 */
export class NameRejected extends RetryableError {
  constructor(hostname: string) {
    super(`the host ${hostname} has no address that may be reached`, { code: CODE });
    this.name = NAME;
  }
}

/** What is wrong with a URL as a target, without looking at its address: one clause, or undefined for a good one. */
export function urlIssue(url: string): string | undefined {
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
  const issue = urlIssue(url);
  if (issue !== undefined) throw new TargetRejected(`the URL ${issue}`);
  const target = new URL(url);
  const host = target.hostname.replace(/^\[|\]$/g, "");
  const rejection = isIP(host) === 0 ? nameRejection(host.replace(/\.$/, ""), allowed) : rejectionOf(host, allowed);
  if (rejection !== undefined) throw new TargetRejected(`the address ${host} is refused (${rejection})`);
  return target;
}

/** Of `localhost` and the names below it everybody knows where they lead (RFC 6761, 6.3). */
function nameRejection(name: string, allowed: Allowed): string | undefined {
  if (isMetadataName(name)) return "metadata";
  if (name !== "localhost" && !name.endsWith(".localhost")) return undefined;
  return rejectionOf("127.0.0.1", allowed) && rejectionOf("::1", allowed);
}

/** Turns a URL that a request is to be sent to into a target. @throws {TargetRejected} it must not be reached */
export type TargetRule = (url: string) => URL;

/** The rule for URLs that callers give. */
export function callersTargets(allowed: Allowed): TargetRule {
  return (url) => parseTarget(url, allowed);
}

/**
 * The rule for a service that a setting of the operator names: this origin, in a private network too, and no other.
 * @throws {StartError} the setting is not a URL that can be reached
 */
export function onlyOrigin(serviceUrl: string): TargetRule {
  const issue = urlIssue(serviceUrl);
  if (issue !== undefined) throw new StartError(`the URL of a service ${issue}`);
  const { origin } = new URL(serviceUrl);
  return (url) => {
    const target = parseTarget(url, true);
    if (target.origin !== origin) throw new TargetRejected(`${target.origin} is not the service at ${origin}`);
    return target;
  };
}
