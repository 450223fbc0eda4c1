/** The body of a delivery: its bytes are made only here, and then signed and sent. */
import { memberText } from "../../core/json-span.ts";

/** At most one of the three may be given. */
export interface BodyFields {
  /** Any JSON. */
  readonly body?: unknown;
  readonly body_text?: string;
  readonly body_base64?: string;
  readonly content_type?: string;
}

export interface DeliveryBody {
  readonly bytes: string | Buffer;
  /** A `content-type` header of the caller takes precedence. */
  readonly contentType: string;
}

/** The body that is sent; JSON is sent as it was submitted. Undefined if there is no body. */
export function bodyOf(
  { body, body_text: text, body_base64: base64, content_type: type }: BodyFields,
  payloadJson: string,
): DeliveryBody | undefined {
  if (body !== undefined)
    return { bytes: memberText(payloadJson, "body") ?? "", contentType: type ?? "application/json" };
  if (text !== undefined) return { bytes: text, contentType: type ?? "text/plain; charset=utf-8" };
  if (base64 !== undefined)
    return { bytes: Buffer.from(base64, "base64"), contentType: type ?? "application/octet-stream" };
  return undefined;
}
