/**
 * A JSON document that a form edits. Scalars and keys keep the text that they have in the document, so an edit of one
 * value changes neither the digits nor the escapes of another.
 */

interface JsonScalar {
  readonly kind: "string" | "number" | "boolean" | "null";
  /** JSON, as it was typed. */
  readonly text: string;
}

interface JsonMember {
  readonly key: string;
  /** JSON, as it was typed. */
  readonly keyText: string;
  readonly value: JsonNode;
}

export interface JsonObject {
  readonly kind: "object";
  readonly members: readonly JsonMember[];
}

export interface JsonArray {
  readonly kind: "array";
  readonly items: readonly JsonNode[];
}

/** A draft that is not valid JSON yet: it makes the whole text invalid, so nobody can submit it. */
interface JsonDraft {
  readonly kind: "draft";
  readonly text: string;
}

export type JsonNode = JsonScalar | JsonObject | JsonArray | JsonDraft;

/** `{"a": 1}` has its digit at line 1, column 7. */
interface JsonIssue {
  readonly message: string;
  readonly line: number;
  readonly column: number;
}

export type ParsedJson = { readonly node: JsonNode } | { readonly issue: JsonIssue };

/** Above this depth, the recursive functions of the form could exceed the browser's stack. */
const MAX_DEPTH = 200;

/** Accepts what `JSON.parse` accepts, up to a depth of 200. */
export function parseJson(text: string): ParsedJson {
  const reader = new Reader(text);
  try {
    return { node: reader.document() };
  } catch (error) {
    if (!(error instanceof Unexpected)) throw error;
    const before = text.slice(0, error.at).split("\n");
    return { issue: { message: error.message, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 } };
  }
}

class Unexpected extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;

class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): JsonNode {
    const node = this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw new Unexpected("Expected the end of the JSON.", this.#at);
    return node;
  }

  #value(): JsonNode {
    this.#skipSpace();
    const first = this.#text[this.#at];
    if (first === "{") return this.#nested(() => this.#object());
    if (first === "[") return this.#nested(() => this.#array());
    if (first === '"') return { kind: "string", text: this.#string() };
    const number = this.#match(NUMBER);
    if (number !== undefined) return { kind: "number", text: number };
    const word = this.#match(WORD);
    if (word === undefined) throw new Unexpected("Expected a value.", this.#at);
    return { kind: word === "null" ? "null" : "boolean", text: word };
  }

  #nested<Node>(read: () => Node): Node {
    if (this.#depth === MAX_DEPTH) throw new Unexpected(`The JSON has more than ${MAX_DEPTH} levels.`, this.#at);
    this.#depth += 1;
    this.#at += 1;
    const node = read();
    this.#depth -= 1;
    return node;
  }

  #object(): JsonObject {
    const members: JsonMember[] = [];
    while (this.#isNext("}", members.length, "a comma or }")) {
      this.#skipSpace();
      if (this.#text[this.#at] !== '"') throw new Unexpected("Expected a name in double quotes.", this.#at);
      const keyText = this.#string();
      this.#skipSpace();
      if (this.#text[this.#at] !== ":") throw new Unexpected("Expected a colon.", this.#at);
      this.#at += 1;
      members.push({ key: JSON.parse(keyText) as string, keyText, value: this.#value() });
    }
    return { kind: "object", members };
  }

  #array(): JsonArray {
    const items: JsonNode[] = [];
    while (this.#isNext("]", items.length, "a comma or ]")) items.push(this.#value());
    return { kind: "array", items };
  }

  /** Whether one more part follows; takes the comma before it, or the end. */
  #isNext(end: string, count: number, expected: string): boolean {
    this.#skipSpace();
    const next = this.#text[this.#at];
    if (next === end) {
      this.#at += 1;
      return false;
    }
    if (count === 0) return true;
    if (next !== ",") throw new Unexpected(`Expected ${expected}.`, this.#at);
    this.#at += 1;
    return true;
  }

  /** A regular expression could exceed the stack of the browser on a text of many megabytes. */
  #string(): string {
    const start = this.#at;
    let end = start;
    do end = this.#text.indexOf('"', end + 1);
    while (end !== -1 && isEscaped(this.#text, end));
    if (end === -1) throw new Unexpected("The text has no closing quote.", start);
    const text = this.#text.slice(start, end + 1);
    try {
      JSON.parse(text);
    } catch {
      throw new Unexpected("The text has an invalid escape or a line break.", start);
    }
    this.#at = end + 1;
    return text;
  }

  #skipSpace(): void {
    this.#match(SPACE);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }
}

/** Whether an odd number of backslashes precedes. */
function isEscaped(text: string, at: number): boolean {
  let start = at;
  while (text[start - 1] === "\\") start -= 1;
  return (at - start) % 2 === 1;
}

/** The text of a document, indented by two spaces per level. */
export function printJson(node: JsonNode, indent = ""): string {
  const inner = `${indent}  `;
  if (node.kind === "object") {
    const members = node.members.map(({ keyText, value }) => `${inner}${keyText}: ${printJson(value, inner)}`);
    return members.length === 0 ? "{}" : `{\n${members.join(",\n")}\n${indent}}`;
  }
  if (node.kind === "array") {
    const items = node.items.map((item) => inner + printJson(item, inner));
    return items.length === 0 ? "[]" : `[\n${items.join(",\n")}\n${indent}]`;
  }
  return node.text;
}

/** The node of a value of JavaScript. */
export function nodeOf(value: unknown): JsonNode {
  const parsed = parseJson(JSON.stringify(value ?? null));
  return "node" in parsed ? parsed.node : { kind: "null", text: "null" };
}

export function stringOf(node: JsonNode): string {
  return node.kind === "string" ? (JSON.parse(node.text) as string) : "";
}

/** The value of a member; the last one counts, as for `JSON.parse`. */
export function memberOf(object: JsonObject, key: string): JsonNode | undefined {
  return object.members.findLast((member) => member.key === key)?.value;
}

/** @param value undefined removes the member, and all others of this key */
export function withMember(object: JsonObject, key: string, value: JsonNode | undefined): JsonObject {
  const at = object.members.findLastIndex((member) => member.key === key);
  if (value === undefined) return { kind: "object", members: object.members.filter((member) => member.key !== key) };
  if (at !== -1)
    return { kind: "object", members: object.members.map((old, index) => (index === at ? { ...old, value } : old)) };
  return { kind: "object", members: [...object.members, { key, keyText: JSON.stringify(key), value }] };
}

/** Gives the member at an index another key. */
export function withKey(object: JsonObject, index: number, key: string): JsonObject {
  const members = object.members.map((old, at) => (at === index ? { ...old, key, keyText: JSON.stringify(key) } : old));
  return { kind: "object", members };
}

/** @param item undefined removes the item; the index behind the last one appends it */
export function withItem(array: JsonArray, index: number, item: JsonNode | undefined): JsonArray {
  const rest = array.items.slice(index + 1);
  return { kind: "array", items: [...array.items.slice(0, index), ...(item ? [item] : []), ...rest] };
}

/** The path of a member or an item in a JSON pointer (RFC 6901). */
export function pointerTo(parent: string, key: string | number): string {
  return `${parent}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The pointers of all texts that equal `text`. */
export function pointersOf(node: JsonNode, text: string, pointer = ""): string[] {
  if (node.kind === "string") return stringOf(node) === text ? [pointer] : [];
  if (node.kind === "array")
    return node.items.flatMap((item, index) => pointersOf(item, text, pointerTo(pointer, index)));
  if (node.kind === "object")
    return node.members.flatMap(({ key, value }) => pointersOf(value, text, pointerTo(pointer, key)));
  return [];
}
