/** A result's JSON text, in which values are found by their paths. Each object and array is cut up once. */
import { elementsOf, memberTexts } from "../json-span.ts";

const INDEX = /^(?:0|[1-9]\d*)$/;

export class ResultText {
  readonly #json: string;
  readonly #parts = new Map<string, ResultText>();
  #isCut = false;

  /** @param json text that JSON.parse has accepted */
  constructor(json: string) {
    this.#json = json.trim();
  }

  /**
   * The JSON text of the value at a path; undefined if there is none.
   * @param path names of members and indexes of elements, from the outside in
   */
  valueAt([step, ...rest]: readonly string[]): string | undefined {
    return step === undefined ? this.#json : this.#part(step)?.valueAt(rest);
  }

  #part(step: string): ResultText | undefined {
    const isArray = this.#json.startsWith("[");
    if (!this.#isCut) {
      this.#isCut = true;
      if (isArray)
        elementsOf(this.#json).forEach((json, index) => this.#parts.set(String(index), new ResultText(json)));
      else if (this.#json.startsWith("{"))
        for (const [name, json] of memberTexts(this.#json)) this.#parts.set(name, new ResultText(json));
    }
    return isArray && !INDEX.test(step) ? undefined : this.#parts.get(step);
  }
}
