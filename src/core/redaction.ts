/** What of a payload is never read back: `secret`, and the values of headers that are named like credentials. */
import type { Member } from "./json-span.ts";
import { membersOf } from "./json-span.ts";

const REDACTED = '"[redacted]"';

const CREDENTIAL = /auth|cookie|token|secret|passw|credential|signature|(?<!idempotency-)key$/i;

/**
 * A payload's text with what is secret replaced, all else as it was written.
 * @param payload the JSON text of an object
 */
export function redactPayload(payload: string): string {
  // Most payloads have neither name; an escape may spell one.
  if (!payload.includes('secret"') && !payload.includes('headers"') && !payload.includes("\\u")) return payload;
  return replaceValues(payload, ({ name, start, end }) => {
    if (name === "secret") return REDACTED;
    return name === "headers" && payload.charAt(start) === "{" ? redactHeaders(payload.slice(start, end)) : undefined;
  });
}

/** Whether a header is named like one that carries a credential. */
export function isCredential(header: string): boolean {
  return CREDENTIAL.test(header);
}

function redactHeaders(headers: string): string {
  return replaceValues(headers, ({ name }) => (isCredential(name) ? REDACTED : undefined));
}

function replaceValues(json: string, replacement: (member: Member) => string | undefined): string {
  let text = "";
  let copied = 0;
  for (const member of membersOf(json)) {
    const value = replacement(member);
    if (value === undefined) continue;
    text += json.slice(copied, member.start) + value;
    copied = member.end;
  }
  return copied === 0 ? json : text + json.slice(copied);
}
