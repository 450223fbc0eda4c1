/** Why a server of Redis cannot be used: a sentence that names the server and says what to do. */
import { codeOf, messageOf, StartError } from "../errors.ts";

/** The server, or what REDIS_ADDR says of it, must be changed first. */
export class UnfitServer extends StartError {}

/** The server may become usable by itself. */
export class BusyServer extends StartError {}

const TLS_REASONS: readonly (readonly [reason: RegExp, advice: string])[] = [
  [
    /ERR_TLS_CERT_ALTNAME_INVALID|altnames/,
    "its certificate is for another name: set REDIS_ADDR to a name in it, or add the parameter servername=NAME to REDIS_ADDR",
  ],
  [
    /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|certificate (?:has expired|is not yet valid)/,
    "its certificate is not valid today: renew it, or set this machine's clock",
  ],
  [
    /SELF_SIGNED|UNABLE_TO_|self.signed|unable to (?:get|verify)|CERT_UNTRUSTED/,
    "its certificate is not from an authority that is trusted here: add the parameter cafile=FILE to REDIS_ADDR, FILE being that authority's certificate in PEM",
  ],
  [
    /certificate[_ ]required/i,
    "it asks for a certificate of the client: add the parameters certfile=FILE and keyfile=FILE to REDIS_ADDR",
  ],
  [
    /unknown[_ ]ca|bad[_ ]certificate|certificate[_ ]unknown/i,
    "it does not accept the certificate that certfile names: use one from an authority that it trusts",
  ],
  [
    /wrong[_ ]version[_ ]number|packet[_ ]length[_ ]too[_ ]long/i,
    "it does not speak TLS on that port: write redis:// in REDIS_ADDR, or set the port for TLS",
  ],
];

/** Whether a connection failed on a certificate, or on TLS itself: trying again does not help. */
export function isTlsFailure(error: unknown): boolean {
  return tlsAdvice(error) !== undefined;
}

function tlsAdvice(error: unknown): string | undefined {
  const known = `${codeOf(error) ?? ""} ${messageOf(error)}`;
  return TLS_REASONS.find(([reason]) => reason.test(known))?.[1];
}

/** Whether the server took the connection and then gave no answer, as it does where one side alone speaks TLS. */
function isSilent(error: unknown): boolean {
  return /ETIMEDOUT|^no answer$|closed the connection before/.test(messageOf(error));
}

/** What went wrong between here and the server at `place`, as the sentence that ends a start. */
export function startErrorOf(place: string, error: unknown): StartError {
  if (error instanceof StartError) return error;
  const message = messageOf(error);
  const advice = tlsAdvice(error);
  if (advice !== undefined)
    return new StartError(`Redis at ${place} cannot be used by TLS (${message}): ${advice}.`, error);
  if (/unknown command.*sentinel/i.test(message))
    return new StartError(
      `The server at ${place} is not a Sentinel: name the Sentinels in REDIS_ADDR, or write redis:// and no MASTER_NAME.`,
      error,
    );
  if (/No such master with that name/i.test(message))
    return new StartError(
      `The Sentinels at ${place} know no master by the name in REDIS_ADDR: set MASTER_NAME to the one that they monitor.`,
      error,
    );
  const reason = codeOf(error) === "ECONNREFUSED" ? "the connection is refused" : message;
  const fix = isSilent(error)
    ? `start it, or set REDIS_ADDR to where it is, with rediss:// if it speaks TLS and redis:// if it does not`
    : "start it, or set REDIS_ADDR to where it is";
  return new StartError(`Redis at ${place} does not answer (${reason}): ${fix}.`, error);
}
