/**
 * Requests to Redis as bytes (RESP, https://redis.io/docs/latest/develop/reference/protocol-spec/), in memory that is used
 * again. The client's own way joins all arguments as one string and encodes that: most of its time goes into fresh pages.
 */
const SIZE_BYTES = 64 * 1024;
/** A larger one is for one large call, and not kept. */
const MAX_KEPT_BYTES = 1024 * 1024;
const MAX_KEPT = 8;
/** UTF-8 needs at most three bytes for a UTF-16 code unit. */
const MAX_BYTES_PER_CHAR = 3;
const ARRAY = 0x2a; // *
const TEXT = 0x24; // $
/** `$`, a length, and two line ends. */
const MAX_FRAME_BYTES = 24;

export class RequestBuffers {
  readonly #free: Buffer[] = [];

  /**
   * The bytes of a command.
   * @param head its name and first arguments @param args those that follow
   * @returns a part of a buffer, which is to be {@link release}d once the command is answered
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
      const start = writeLine(buffer, length, TEXT, arg.length);
      let end = start + buffer.write(arg, start);
      if (end !== start + arg.length) {
        // a text that is not all ASCII has more bytes than its length says
        const from = writeLine(buffer, length, TEXT, end - start);
        end = from + buffer.write(arg, from);
      }
      length = writeLineEnd(buffer, end);
    }
    return buffer.subarray(0, length);
  }

  /** Gives back the memory of a request that has been answered, and so is sent for certain. */
  release(bytes: Buffer): void {
    if (bytes.buffer.byteLength > MAX_KEPT_BYTES || this.#free.length === MAX_KEPT) return;
    this.#free.push(Buffer.from(bytes.buffer));
  }
}

/** A type's mark, a number and a line end, written byte by byte: short texts cost more to make than to write. @returns where it ends */
function writeLine(buffer: Buffer, at: number, mark: number, value: number): number {
  buffer[at] = mark;
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
