/** The body of a delivery: the only place where its bytes are made, which are sent and signed. */
import { memberText } from "../../core/json-span.ts";

/** At most one of the three is given. */
export interface BodyFields {
  /** Any JSON. */
  readonly body?: unknown;
  readonly body_text?: string;
  readonly body_base64?: string;
  readonly content_type?: string;
}

export interface DeliveryBody {
  readonly bytes: string | Buffer;
  /** Unless a header of the caller's says otherwise. */
  readonly contentType: string;
}

/** What is sent, of JSON the text as it was submitted; undefined where there is none. */
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
