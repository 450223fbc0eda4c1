/**
 * A job's payload. A small payload is a JSON string that is stored with the job. A large payload is bytes under a
 * separate Redis key: scripts see only its size, and the code that runs or records the job fetches it.
 */

/** Longer payloads are large: a script call copies its arguments several times, at about 10 µs a KiB. */
export const LARGE_PAYLOAD_LENGTH = 32 * 1024;

export interface LargePayload {
  /** In bytes of UTF-8; 0 if it is not known. */
  readonly size: number;
  /** The JSON text in UTF-8. Absent from a job that was read without it, until it is fetched. */
  data?: Uint8Array;
}

export type Payload = string | LargePayload;

/** The payload of a job that was read without it. */
export const OMITTED_PAYLOAD: LargePayload = Object.freeze({ size: 0 });

/** @param json the text of an object, in one line */
export function payloadOf(json: string): Payload {
  return json.length <= LARGE_PAYLOAD_LENGTH ? json : largePayload(Buffer.from(json));
}

/** Whether a payload is stored within its job. */
export function isSmall(payload: Payload): boolean {
  return typeof payload === "string" && payload.length <= LARGE_PAYLOAD_LENGTH;
}

/** Converts a payload that was stored as one string. */
export function asStored(payload: Payload): Payload {
  return isLarge(payload) ? payload : payloadOf(payload);
}

export function largePayload(data: Uint8Array): LargePayload {
  return { size: data.length, data };
}

export function isLarge(payload: Payload): payload is LargePayload {
  return typeof payload !== "string";
}

/**
 * The payload with its data.
 * @param fetch reads the data of a large payload if the job was read without it; `size` is in bytes
 * @returns undefined if there is no data
 */
export async function wholePayload(
  payload: Payload,
  fetch: (size: number) => Promise<Uint8Array | undefined>,
): Promise<Payload | undefined> {
  if (!isLarge(payload) || payload.data) return payload;
  const data = await fetch(payload.size);
  return data && largePayload(data);
}

/** A payload's approximate size in memory or in a call: its characters, or its bytes. */
export function sizeOf(payload: Payload): number {
  return isLarge(payload) ? payload.size : payload.length;
}

/** A payload's size in bytes of UTF-8. */
export function bytesOf(payload: Payload): number {
  return isLarge(payload) ? payload.size : Buffer.byteLength(payload);
}

/** @throws Error if the payload was read without its data */
export function dataOf({ data }: LargePayload): Uint8Array {
  if (!data) throw new Error("the payload was not fetched");
  return data;
}
