/** Turns lines of JSON, one for each row, into one array. */
const [LF, COMMA] = [10, 44] as const;

export class JsonArrayEncoder {
  lines = 0;
  #isLineStart = true;
  #isFirst = true;

  encode(chunk: Buffer): Buffer {
    const output = Buffer.allocUnsafe(chunk.length * 2 + 2); // each line has at least its LF, and gets one comma
    let length = 0;
    for (const byte of chunk) {
      if (this.#isLineStart) {
        output[length++] = this.#isFirst ? 0x5b : COMMA;
        if (this.#isFirst) output[length++] = LF;
        this.#isFirst = false;
      }
      output[length++] = byte;
      this.#isLineStart = byte === LF;
      if (this.#isLineStart) this.lines += 1;
    }
    return output.subarray(0, length);
  }

  end(): Buffer {
    return Buffer.from(this.#isFirst ? "[]\n" : "]\n");
  }
}

/** Passes the lines through: they are NDJSON already. */
export class JsonLinesEncoder {
  lines = 0;

  encode(chunk: Buffer): Buffer {
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) this.lines += 1;
    return chunk;
  }

  end(): Buffer {
    return Buffer.alloc(0);
  }
}
