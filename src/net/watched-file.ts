import { readFile, stat } from "node:fs/promises";

/** How long a parsed value is used before the file is checked again. */
const LOOK_PERIOD_MS = 1_000;

/** A system file, parsed again whenever it has changed. An unreadable file counts as empty. */
export class WatchedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  #value: Promise<T> | undefined;
  #version = "";
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(path: string, parse: (text: string) => T) {
    this.#path = path;
    this.#parse = parse;
  }

  async read(): Promise<T> {
    if (this.#value === undefined || performance.now() - this.#lookedAt > LOOK_PERIOD_MS) {
      this.#lookedAt = performance.now();
      const version = await this.#versionNow();
      if (this.#value === undefined || version !== this.#version) {
        this.#version = version;
        this.#value = readFile(this.#path, "utf8")
          .catch(() => "")
          .then(this.#parse);
      }
    }
    return this.#value;
  }

  async #versionNow(): Promise<string> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#path);
      return `${mtimeMs} ${size} ${ino}`;
    } catch {
      return ""; // the file does not exist on many systems
    }
  }
}
