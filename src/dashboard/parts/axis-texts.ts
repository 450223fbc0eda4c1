/**
 * The texts of a value axis. A value whose text is that of the one below it has none: short texts round close values to
 * the same.
 */
export function axisTexts(values: readonly number[], format: (value: number) => string): string[] {
  const texts = values.map(format);
  return texts.map((text, at) => (text === texts[at - 1] ? "" : text));
}
