/**
 * A job's payload. A small one is its JSON text, and travels with the job. A large one is bytes, which go only where
 * they are needed: Redis stores them under a key of their own, scripts see their size alone, and who runs or records
 * the job fetches them.
 */

/** Payloads of more characters are large. A script call copies a text several times, at about 10 µs a KiB. */
export const LARGE_PAYLOAD_LENGTH = 32 * 1024;

export interface LargePayload {
  /** In bytes of UTF-8; 0 where it is not known. */
  readonly size: number;
  /** The JSON text in UTF-8. Absent from a job that was read without it, until somebody has fetched it. */
  data?: Uint8Array;
}

export type Payload = string | LargePayload;

/** The payload of a job that was read without it. */
export const OMITTED_PAYLOAD: LargePayload = Object.freeze({ size: 0 });

/** @param json the text of an object, in one line */
export function payloadOf(json: string): Payload {
  return json.length <= LARGE_PAYLOAD_LENGTH ? json : largePayload(Buffer.from(json));
}

/** A payload that was stored as one text. */
export function asStored(payload: Payload): Payload {
  return isLarge(payload) ? payload : payloadOf(payload);
}

export function largePayload(data: Uint8Array): LargePayload {
  return { size: data.length, data };
}

export function isLarge(payload: Payload): payload is LargePayload {
  return typeof payload !== "string";
}

/** How much of memory, or of a call, a payload takes: its characters, or its bytes. */
export function sizeOf(payload: Payload): number {
  return isLarge(payload) ? payload.size : payload.length;
}

/** In UTF-8. */
export function bytesOf(payload: Payload): number {
  return isLarge(payload) ? payload.size : Buffer.byteLength(payload);
}

/** @throws Error for one that was read without its data */
export function dataOf({ data }: LargePayload): Uint8Array {
  if (!data) throw new Error("the payload was not fetched");
  return data;
}
