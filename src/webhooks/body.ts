/** The body of a delivery. */
import { memberText } from "../core/json-span.ts";

/** The text of the payload's `body` as it was submitted, which is sent and signed; undefined where it has none. */
export function bodyText({ body }: { readonly body?: unknown }, payloadJson: string): string | undefined {
  return body === undefined ? undefined : memberText(payloadJson, "body");
}
