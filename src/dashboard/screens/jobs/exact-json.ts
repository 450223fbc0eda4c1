/** Reads JSON without loss: numbers that a double cannot represent become texts with all of their digits. */
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

export const exactJson = {
  parse: (text: string): unknown =>
    JSON.parse(text.replace(STRING_OR_NUMBER, (token) => (isExact(token) ? token : JSON.stringify(token)))),
  stringify: (value: unknown): string => JSON.stringify(value),
};

/** Whether the token is a string, or a number whose text JavaScript writes in the same way. */
function isExact(token: string): boolean {
  return token.startsWith('"') || String(Number(token)) === token;
}
