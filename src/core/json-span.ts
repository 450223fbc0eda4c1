/**
 * Finds the parts of a JSON text, so that a caller can cut out a part unchanged: numbers keep all digits, and members
 * their order. All functions but {@link exceeded} require text that JSON.parse has accepted.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

export interface Member {
  readonly name: string;
  /** The value's first index, and the index after its end. */
  readonly start: number;
  readonly end: number;
}

/** The members of an object's text, in their order; a repeated name gives one member for each occurrence. */
export function membersOf(json: string): Member[] {
  const members: Member[] = [];
  forEachMember(json, (name, start, end) => members.push({ name, start, end }));
  return members;
}

function forEachMember(json: string, visit: (name: string, start: number, end: number) => void): void {
  for (let at = json.indexOf("{") + 1; ; ) {
    const nameStart = json.indexOf('"', at) + 1;
    if (nameStart === 0) return;
    const nameEnd = endOfString(json, nameStart);
    const start = skipSpace(json, json.indexOf(":", nameEnd) + 1);
    at = endOfValue(json, start);
    visit(unescaped(json.slice(nameStart, nameEnd)), start, at);
  }
}

/**
 * Called for each member of an object (`name`) and each element of an array (`undefined`), whose value begins at
 * `start`. Returns the JSON that replaces the value, a visitor for the value's own members and elements, or undefined
 * to leave the value unchanged and unread.
 */
export type Visitor = (name: string | undefined, json: string, start: number) => string | Visitor | undefined;

/** The JSON text of the value that begins at `start`. */
export function valueText(json: string, start: number): string {
  return json.slice(start, endOfValue(json, start));
}

/**
 * The text of an object or an array with some of its values replaced and the rest unchanged; the same string if nothing
 * is replaced. Each character is read a bounded number of times, at any depth of nesting.
 */
export function rewritten(json: string, visitor: Visitor): string {
  const edit = { json, result: "", copied: 0 };
  rewriteContainer(edit, skipSpace(json, 0), visitor);
  return edit.copied === 0 ? json : edit.result + json.slice(edit.copied);
}

interface Edit {
  readonly json: string;
  result: string;
  /** The index up to which the text is in the result. */
  copied: number;
}

/** @returns the index after its end */
function rewriteContainer(edit: Edit, start: number, visit: Visitor): number {
  const { json } = edit;
  const isObject = json.charAt(start) === "{";
  let at = skipSpace(json, start + 1);
  while (at < json.length && !isClosing(json.charCodeAt(at))) {
    let name: string | undefined;
    if (isObject) {
      const nameEnd = endOfString(json, at + 1);
      name = unescaped(json.slice(at + 1, nameEnd));
      at = skipSpace(json, skipSpace(json, nameEnd + 1) + 1);
    }
    at = skipSpace(json, rewriteValue(edit, at, name, visit));
    if (json.charCodeAt(at) === COMMA) at = skipSpace(json, at + 1);
  }
  return at + 1;
}

function rewriteValue(edit: Edit, start: number, name: string | undefined, visit: Visitor): number {
  const { json } = edit;
  const decision = visit(name, json, start);
  if (typeof decision === "function" && isOpening(json.charCodeAt(start)))
    return rewriteContainer(edit, start, decision);
  const end = endOfValue(json, start);
  if (typeof decision === "string") {
    edit.result += json.slice(edit.copied, start) + decision;
    edit.copied = end;
  }
  return end;
}

/**
 * Visits the members of the object that begins at `start`, each character once if `visit` does so.
 * @param visit called with a name and the index of its value; returns the index after the value
 * @returns the index after the object
 */
export function walkMembers(json: string, start: number, visit: (name: string, start: number) => number): number {
  let at = skipSpace(json, start + 1);
  while (at < json.length && !isClosing(json.charCodeAt(at))) {
    const nameEnd = endOfString(json, at + 1);
    const name = unescaped(json.slice(at + 1, nameEnd));
    const valueStart = skipSpace(json, skipSpace(json, nameEnd + 1) + 1);
    at = skipSpace(json, visit(name, valueStart));
    if (json.charCodeAt(at) === COMMA) at = skipSpace(json, at + 1);
  }
  return at + 1;
}

/** The text of a member's value; the last one if the name is repeated, as in JSON.parse. */
export function memberText(json: string, name: string): string | undefined {
  let text: string | undefined;
  forEachMember(json, (each, start, end) => {
    if (each === name) text = json.slice(start, end);
  });
  return text;
}

/**
 * The texts of an object's values by their names, in the order of the text; the last one if a name is repeated.
 */
export function memberTexts(json: string): Map<string, string> {
  const texts = new Map<string, string>();
  forEachMember(json, (name, start, end) => texts.set(name, json.slice(start, end)));
  return texts;
}

/** The texts of an array's elements. */
export function elementsOf(json: string): string[] {
  const elements: string[] = [];
  let at = skipSpace(json, json.indexOf("[") + 1);
  while (json.charAt(at) !== "]") {
    const end = endOfValue(json, at);
    elements.push(json.slice(at, end));
    at = skipSpace(json, end);
    if (json.charAt(at) === ",") at = skipSpace(json, at + 1);
  }
  return elements;
}

export interface JsonBounds {
  /** How deep arrays and objects may be nested. */
  readonly levels: number;
  /** How many arrays and objects there may be. */
  readonly containers: number;
}

/**
 * Which bound a text exceeds. It accepts any text: call it before JSON.parse. JSON.parse reads a million levels, which
 * overflow the stack of code that walks the value, and turns 16 MiB of empty arrays into a gigabyte.
 */
export function exceeded(json: string, { levels, containers }: JsonBounds): keyof JsonBounds | undefined {
  if (json.length <= 2 * Math.min(levels, containers)) return undefined;
  let depth = 0;
  let opened = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) at = endOfString(json, at + 1);
    else if (isOpening(code)) {
      depth += 1;
      opened += 1;
      if (depth > levels) return "levels";
      if (opened > containers) return "containers";
    } else if (isClosing(code)) depth -= 1;
  }
  return undefined;
}

/** [ or { */
function isOpening(code: number): boolean {
  return (code | 0x20) === 0x7b;
}

/** ] or } */
function isClosing(code: number): boolean {
  return (code | 0x20) === 0x7d;
}

/** The index of the quote that ends a string; `at` is just after the opening quote. */
function endOfString(json: string, at: number): number {
  for (let from = at; ; ) {
    const quote = json.indexOf('"', from);
    if (quote === -1) return json.length;
    let slashes = 0;
    while (json.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return quote;
    from = quote + 1;
  }
}

/** The index after the value that begins at `start`. */
export function endOfValue(json: string, start: number): number {
  const first = json.charCodeAt(start);
  if (first === QUOTE) return endOfString(json, start + 1) + 1;
  if (!isOpening(first)) {
    let at = start;
    while (at < json.length && !isEnd(json.charCodeAt(at))) at += 1;
    return at;
  }
  let depth = 0;
  for (let at = start; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) at = endOfString(json, at + 1);
    else if (isOpening(code)) depth += 1;
    else if (isClosing(code)) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return json.length;
}

/** Whether a character ends a number or a word: a comma, a closing bracket or white space. */
function isEnd(code: number): boolean {
  return code === 0x2c || isClosing(code) || code <= 0x20;
}

/** The index of the first character from `at` on that is no white space. */
export function skipSpace(json: string, at: number): number {
  let next = at;
  while (next < json.length && json.charCodeAt(next) <= 0x20) next += 1;
  return next;
}

function unescaped(name: string): string {
  return name.includes("\\") ? (JSON.parse(`"${name}"`) as string) : name;
}
