import { readFile, stat } from "node:fs/promises";

/** How long what was read is believed without another look. */
const LOOK_PERIOD_MS = 1_000;

/** A file of the system, parsed, and parsed anew when it has changed. One that cannot be read counts as empty. */
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
      return ""; // there is none, as on many systems
    }
  }
}
