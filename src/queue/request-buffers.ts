/**
 * Requests to Redis as bytes (RESP, https://redis.io/docs/latest/develop/reference/protocol-spec/), in reused memory.
 * The client itself joins all arguments as one string and encodes that, and spends most of its time on fresh memory
 * pages.
 */
const SIZE_BYTES = 64 * 1024;
/** A larger buffer served one large call, and is not reused. */
const MAX_KEPT_BYTES = 1024 * 1024;
const MAX_KEPT = 8;
/** UTF-8 needs at most three bytes for a UTF-16 code unit. */
const MAX_BYTES_PER_CHAR = 3;
const ARRAY = 0x2a; // *
const BULK_STRING = 0x24; // $
/** `$`, a length, and two line ends. */
const MAX_FRAME_BYTES = 24;

export class RequestBuffers {
  readonly #free: Buffer[] = [];

  /**
   * The bytes of a command.
   * @param head its name and first arguments @param args those that follow
   * @returns a part of a buffer; {@link release} it once the command is answered
   */
  encode(head: readonly string[], args: readonly string[]): Buffer {
    let expected = (head.length + args.length) * MAX_FRAME_BYTES;
    for (const arg of args) expected += arg.length;
    let buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(SIZE_BYTES);
    if (expected > buffer.length) buffer = Buffer.allocUnsafeSlow(Math.max(expected, 2 * buffer.length));
    let length = writeLine(buffer, 0, ARRAY, head.length + args.length);
    for (let i = -head.length; i < args.length; i += 1) {
      const arg = (i < 0 ? head[i + head.length] : args[i]) ?? "";
      const needed = length + arg.length * MAX_BYTES_PER_CHAR + MAX_FRAME_BYTES;
      if (needed > buffer.length) buffer = grown(buffer, length, needed);
      const start = writeLine(buffer, length, BULK_STRING, arg.length);
      let end = start + buffer.write(arg, start);
      if (end !== start + arg.length) {
        // a string that is not all ASCII has more bytes than characters
        const from = writeLine(buffer, length, BULK_STRING, end - start);
        end = from + buffer.write(arg, from);
      }
      length = writeLineEnd(buffer, end);
    }
    return buffer.subarray(0, length);
  }

  /** Gives back the memory of a request. Only an answered one is certainly sent. */
  release(bytes: Buffer): void {
    if (bytes.buffer.byteLength > MAX_KEPT_BYTES || this.#free.length === MAX_KEPT) return;
    this.#free.push(Buffer.from(bytes.buffer));
  }
}

/**
 * Writes a type's first byte, a number and a line end byte by byte: making a short string costs more.
 * @returns the index after the line
 */
function writeLine(buffer: Buffer, at: number, type: number, value: number): number {
  buffer[at] = type;
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.trunc(rest / 10)) digits += 1;
  for (let rest = value, to = at + digits; to > at; to -= 1, rest = Math.trunc(rest / 10))
    buffer[to] = 0x30 + (rest % 10);
  return writeLineEnd(buffer, at + 1 + digits);
}

function writeLineEnd(buffer: Buffer, at: number): number {
  buffer[at] = 0x0d;
  buffer[at + 1] = 0x0a;
  return at + 2;
}

function grown(buffer: Buffer, length: number, needed: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * buffer.length));
  buffer.copy(larger, 0, 0, length);
  return larger;
}
