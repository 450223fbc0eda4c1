/** Explains in one sentence why a Redis server cannot be used, and what to do. */
import { codeOf, messageOf, StartError } from "../errors.ts";

/** The server or REDIS_ADDR must be changed first. */
export class UnfitServer extends StartError {}

/** The server may become usable without a change. */
export class BusyServer extends StartError {}

const TLS_REASONS: readonly (readonly [reason: RegExp, advice: string])[] = [
  [
    /ERR_TLS_CERT_ALTNAME_INVALID|altnames/,
    "its certificate is for another host name: use a name from the certificate in REDIS_ADDR, or add the parameter servername=NAME",
  ],
  [
    /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|certificate (?:has expired|is not yet valid)/,
    "its certificate has expired or is not yet valid: renew it, or correct this machine's clock",
  ],
  [
    /SELF_SIGNED|UNABLE_TO_|self.signed|unable to (?:get|verify)|CERT_UNTRUSTED/,
    "no trusted authority has signed its certificate: add the parameter cafile=FILE to REDIS_ADDR, with the authority's certificate in PEM format",
  ],
  [
    /certificate[_ ]required/i,
    "it requires a client certificate: add the parameters certfile=FILE and keyfile=FILE to REDIS_ADDR",
  ],
  [
    /unknown[_ ]ca|bad[_ ]certificate|certificate[_ ]unknown/i,
    "it rejected the client certificate in certfile: use one from an authority that the server trusts",
  ],
  [
    /wrong[_ ]version[_ ]number|packet[_ ]length[_ ]too[_ ]long/i,
    "it does not use TLS on that port: write redis:// in REDIS_ADDR, or name the TLS port",
  ],
];

/** Whether a connection failed on a certificate or on TLS itself: a retry does not help. */
export function isTlsFailure(error: unknown): boolean {
  return tlsAdvice(error) !== undefined;
}

function tlsAdvice(error: unknown): string | undefined {
  const codeAndMessage = `${codeOf(error) ?? ""} ${messageOf(error)}`;
  return TLS_REASONS.find(([reason]) => reason.test(codeAndMessage))?.[1];
}

/** Whether the server accepted the connection and did not answer, which happens if only one side uses TLS. */
function isSilent(error: unknown): boolean {
  return /ETIMEDOUT|^no answer$|closed the connection before/.test(messageOf(error));
}

/** Turns a failed connection to the server at `address` into the sentence that ends the start. */
export function startErrorOf(address: string, error: unknown): StartError {
  if (error instanceof StartError) return error;
  const message = messageOf(error);
  const advice = tlsAdvice(error);
  if (advice !== undefined)
    return new StartError(`Redis at ${address} cannot be used over TLS (${message}): ${advice}.`, error);
  if (/unknown command.*sentinel/i.test(message))
    return new StartError(
      `The server at ${address} is not a Sentinel: name the Sentinels in REDIS_ADDR, or write redis:// without MASTER_NAME.`,
      error,
    );
  if (/No such master with that name/i.test(message))
    return new StartError(
      `The Sentinels at ${address} do not monitor a master with the name in REDIS_ADDR: set MASTER_NAME to the name that they monitor.`,
      error,
    );
  const reason = codeOf(error) === "ECONNREFUSED" ? "the connection is refused" : message;
  const fix = isSilent(error)
    ? "start it, or set REDIS_ADDR to its address, with rediss:// if it uses TLS and redis:// if it does not"
    : "start it, or set REDIS_ADDR to its address";
  return new StartError(`Redis at ${address} does not answer (${reason}): ${fix}.`, error);
}
