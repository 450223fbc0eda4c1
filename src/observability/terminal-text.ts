/** Decides whether terminal output may have colours, and escapes untrusted text. */

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether output may have colours: on a terminal that supports them, unless NO_COLOR (no-color.org) is set; FORCE_COLOR
 * enables them everywhere.
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
 * Escapes untrusted text into one line: line breaks, and characters that control a terminal or change the writing
 * direction.
 */
export function printable(text: string): string {
  return text.replaceAll(
    /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
