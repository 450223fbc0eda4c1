/** Text for a terminal: whether it may have colours, and text from elsewhere made harmless. */

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether output may be coloured: on a terminal that can, unless NO_COLOR (no-color.org) forbids it; FORCE_COLOR
 * demands it.
 */
export function hasColours(
  { isTTY }: { readonly isTTY?: boolean },
  { NO_COLOR = "", FORCE_COLOR = "", TERM }: Environment,
): boolean {
  if (NO_COLOR !== "") return false;
  if (FORCE_COLOR !== "") return FORCE_COLOR !== "0";
  return isTTY === true && TERM !== "dumb";
}

/**
 * Text from elsewhere in one line: characters that control a terminal, or turn the direction of writing, become
 * escapes.
 */
export function printable(text: string): string {
  return text.replaceAll(
    /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
