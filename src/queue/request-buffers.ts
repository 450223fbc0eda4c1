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
    let length = buffer.write(`*${head.length + args.length}\r\n`);
    for (let i = -head.length; i < args.length; i += 1) {
      const arg = (i < 0 ? head[i + head.length] : args[i]) ?? "";
      const needed = length + arg.length * MAX_BYTES_PER_CHAR + MAX_FRAME_BYTES;
      if (needed > buffer.length) buffer = grown(buffer, length, needed);
      const text = `$${arg.length}\r\n${arg}\r\n`;
      const written = buffer.write(text, length);
      // A text that is not all ASCII has more bytes than its length says.
      length += written === text.length ? written : buffer.write(`$${Buffer.byteLength(arg)}\r\n${arg}\r\n`, length);
    }
    return buffer.subarray(0, length);
  }

  /** Gives back the memory of a request that has been answered, and so is sent for certain. */
  release(bytes: Buffer): void {
    if (bytes.buffer.byteLength > MAX_KEPT_BYTES || this.#free.length === MAX_KEPT) return;
    this.#free.push(Buffer.from(bytes.buffer));
  }
}

function grown(buffer: Buffer, length: number, needed: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * buffer.length));
  buffer.copy(larger, 0, 0, length);
  return larger;
}
