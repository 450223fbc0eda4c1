/** The targets that requests may be sent to: rules for URLs and for the addresses behind them. */
import { isIP } from "node:net";
import { PermanentError, RetryableError } from "../core/job-type.ts";
import { StartError } from "../errors.ts";
import { type Allowed, isMetadataName, rejectionOf } from "./address.ts";
import type { outboundErrors } from "./error-codes.ts";

const NAME = "TargetRejected";
const CODE: keyof typeof outboundErrors = "target_refused";

/** The URL, or the address written in it, must not be reached. A repeat cannot succeed. */
export class TargetRejected extends PermanentError {
  constructor(message: string) {
    super(message, { code: CODE });
    this.name = NAME;
  }
}

/**
 * A name has no address that may be reached: it does not exist, or its addresses are rejected. Code, message and
 * retries are the same in both cases, because otherwise a caller could find out which names a private network has. It
 * is retried, because a name server may have failed.
 */
export class NameRejected extends RetryableError {
  constructor(hostname: string) {
    super(`the host ${hostname} has no address that may be reached`, { code: CODE });
    this.name = NAME;
  }
}

/** What is wrong with a URL as a target, apart from its address: one clause, or undefined for a valid URL. */
export function urlIssue(url: string): string | undefined {
  if (!URL.canParse(url)) return "must be an absolute URL";
  const { protocol, username, password } = new URL(url);
  if (protocol !== "http:" && protocol !== "https:") return "must be an http or https URL";
  if (username !== "" || password !== "") return "must not carry credentials";
  return undefined;
}

/**
 * Parses a target. An address written in the URL is checked here, because the socket connects to it without a look-up;
 * the URL parser has already normalised `2130706433`, `0x7f.1` and the like to `127.0.0.1` (WHATWG URL). Names that
 * need no look-up are checked too, because with OUTBOUND_PROXY only the proxy looks names up.
 * @throws {TargetRejected}
 */
export function parseTarget(url: string, allowed: Allowed): URL {
  const issue = urlIssue(url);
  if (issue !== undefined) throw new TargetRejected(`the URL ${issue}`);
  const target = new URL(url);
  const host = target.hostname.replace(/^\[|\]$/g, "");
  const rejection = isIP(host) === 0 ? nameRejection(host.replace(/\.$/, ""), allowed) : rejectionOf(host, allowed);
  if (rejection !== undefined) throw new TargetRejected(`the address ${host} is rejected (${rejection})`);
  return target;
}

/** `localhost` and the names below it are loopback by definition (RFC 6761, 6.3). */
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
