/**
 * The large parts of a message. They are encoded in slices while the message is sent, with a turn of the event loop
 * after each: encoding 12 MB at once blocked it for 350 ms. A message that waits for a connection keeps no second copy
 * of its payload.
 */
import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";

const SLICE_BYTES = 64 * 1024;
/** Four characters of base64 encode three bytes. */
const BASE64_SLICE = (SLICE_BYTES / 3 + 1) & ~3;

/** A stream that calls `open` when its first byte is read. */
export function lazily(open: () => AsyncIterable<Buffer> | Iterable<Buffer>): Readable {
  async function* opened(): AsyncGenerator<Buffer> {
    for await (const piece of open()) {
      for (let at = 0; at < piece.length; at += SLICE_BYTES) {
        yield piece.subarray(at, at + SLICE_BYTES);
        await setImmediate();
      }
    }
  }
  // after the message has failed, nothing else listens for errors
  return Readable.from(opened()).on("error", () => undefined);
}

/** Returns a short text as it is, and a long one in slices. */
export function slicedText(text: string): string | Readable {
  return text.length > SLICE_BYTES ? lazily(() => [Buffer.from(text)]) : text;
}

/** The number of bytes that base64 (RFC 4648, section 4) encodes. */
export function bytesOfBase64(base64: string): number {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return (base64.length / 4) * 3 - padding;
}

export function decodedBase64(base64: string): Readable {
  return lazily(function* () {
    for (let at = 0; at < base64.length; at += BASE64_SLICE)
      yield Buffer.from(base64.slice(at, at + BASE64_SLICE), "base64");
  });
}
