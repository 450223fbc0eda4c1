/**
 * JSON that stays the text it is: nothing in it is parsed, so its numbers keep their digits and its members their
 * order.
 */
export class JsonText {
  readonly json: string;

  constructor(json: string) {
    this.json = json;
  }

  toString(): string {
    return this.json;
  }
}
