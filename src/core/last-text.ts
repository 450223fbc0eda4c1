/** Compared by identity: an object that is given must not change. */
type Fact = string | number | object | null | undefined;

/**
 * Keeps the last text that `make` made of a few facts: on the hot path, what many jobs in a row agree in is put into words once.
 * @param make a function of its arguments, six at most
 */
export function lastText<Facts extends readonly Fact[]>(
  make: (...facts: Facts) => string,
): (...facts: Facts) => string {
  const joined = make as unknown as (...facts: Fact[]) => string;
  let text: string | undefined;
  let [a, b, c, d, e, f]: Fact[] = [];
  // Named one by one: an array of them would be what is to be saved.
  const of = (a1: Fact, b1: Fact, c1: Fact, d1: Fact, e1: Fact, f1: Fact): string => {
    if (text === undefined || a !== a1 || b !== b1 || c !== c1 || d !== d1 || e !== e1 || f !== f1) {
      text = joined(a1, b1, c1, d1, e1, f1);
      [a, b, c, d, e, f] = [a1, b1, c1, d1, e1, f1];
    }
    return text;
  };
  return of as unknown as (...facts: Facts) => string;
}
