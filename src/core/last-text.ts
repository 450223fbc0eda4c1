/** Compared by identity: an object must not change. */
type Fact = string | number | object | null | undefined;

/**
 * Memoises the last result of `make`. On the hot path, consecutive jobs often share these arguments.
 * @param make a function of its arguments, six at most
 */
export function lastText<Facts extends readonly Fact[]>(
  make: (...facts: Facts) => string,
): (...facts: Facts) => string {
  const joined = make as unknown as (...facts: Fact[]) => string;
  let text: string | undefined;
  let [a, b, c, d, e, f]: Fact[] = [];
  // Separate variables, not a rest array: allocating the array would cost what this saves.
  const of = (a1: Fact, b1: Fact, c1: Fact, d1: Fact, e1: Fact, f1: Fact): string => {
    if (text === undefined || a !== a1 || b !== b1 || c !== c1 || d !== d1 || e !== e1 || f !== f1) {
      text = joined(a1, b1, c1, d1, e1, f1);
      [a, b, c, d, e, f] = [a1, b1, c1, d1, e1, f1];
    }
    return text;
  };
  return of as unknown as (...facts: Facts) => string;
}
