/**
 * Indents JSON without parsing its values, so that every digit, escape and the order of the keys stay as they were
 * stored.
 */

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^\s[\]{}:,"]+/g;

export interface JsonToken {
  readonly kind: "key" | "string" | "number" | "word" | "mark";
  readonly text: string;
}

/** The tokens of valid JSON, with line ends and indentation as marks between them. */
export function indentedTokens(json: string): JsonToken[] {
  const raw = json.match(TOKEN) ?? [];
  const tokens: JsonToken[] = [];
  let depth = 0;
  const mark = (text: string): unknown => tokens.push({ kind: "mark", text });
  const line = (): string => `\n${"  ".repeat(depth)}`;
  raw.forEach((text, at) => {
    if (text === "{" || text === "[") {
      if (isClosing(raw[at + 1])) return void mark(text);
      depth += 1;
      mark(text + line());
    } else if (isClosing(text)) {
      if (isOpening(raw[at - 1])) return void mark(text);
      depth -= 1;
      mark(line() + text);
    } else if (text === ",") mark(`,${line()}`);
    else if (text === ":") mark(": ");
    else tokens.push({ kind: kindOf(text, raw[at + 1]), text });
    return undefined;
  });
  return tokens;
}

export function indented(json: string): string {
  return indentedTokens(json)
    .map(({ text }) => text)
    .join("");
}

/**
 * The text of a member of a JSON object; undefined if it has none. The last one counts, as for JSON.parse.
 * @param json a valid object
 */
export function memberText(json: string, name: string): string | undefined {
  let depth = 0;
  let found: string | undefined;
  let [key, startedAt]: [string | undefined, number] = [undefined, -1];
  const end = (at: number): void => {
    if (key === name && startedAt !== -1) found = json.slice(startedAt, at).trim();
    startedAt = -1;
  };
  for (const { 0: text, index } of json.matchAll(TOKEN)) {
    if (depth === 1 && text === ":") startedAt = index + 1;
    else if (depth === 1 && (text === "," || text === "}")) end(index);
    else if (depth === 1 && startedAt === -1 && text.startsWith('"')) key = JSON.parse(text) as string;
    if (isOpening(text)) depth += 1;
    else if (isClosing(text)) depth -= 1;
  }
  return found;
}

function isOpening(text: string | undefined): boolean {
  return text === "{" || text === "[";
}

function isClosing(text: string | undefined): boolean {
  return text === "}" || text === "]";
}

function kindOf(text: string, next: string | undefined): JsonToken["kind"] {
  if (text.startsWith('"')) return next === ":" ? "key" : "string";
  return /^[-\d]/.test(text) ? "number" : "word";
}
