/**
 * Numbers of a JSON text, digit by digit. JSON.parse makes a double of each, which drops digits, zeros at the end and
 * the sign of zero.
 */

/**
 * A number that a double would not write as it was submitted. It has no arithmetic: it is written, and compared with
 * zero.
 */
export class ExactNumber {
  readonly #text: string;

  /** @param text as JSON writes a number */
  constructor(text: string) {
    this.#text = text;
  }

  /** Zero is false wherever a condition is asked for, however many digits it has. */
  get isZero(): boolean {
    return !/^[^eE]*[1-9]/.test(this.#text);
  }

  toString(): string {
    return this.#text;
  }
}

/** The number that a JSON text is: a double where that is written the same. */
export function numberOf(text: string): number | ExactNumber {
  const double = Number(text);
  return String(double) === text ? double : new ExactNumber(text);
}

/** The number that a JSON text is: a double where that has the same value, as 1 has for `1.0`. */
export function valueOfNumber(text: string): number | ExactNumber {
  return isDouble(text) ? Number(text) : new ExactNumber(text);
}

/** Whether a double, as it is written, has the value of a JSON number. */
export function isDouble(text: string): boolean {
  const double = String(Number(text));
  if (double === text) return true;
  if (double === "Infinity" || double === "-Infinity") return false;
  const [exact, held] = [decimalOf(text), decimalOf(double)];
  return (
    exact.digits === held.digits &&
    (exact.digits === "" || (exact.exponent === held.exponent && exact.sign === held.sign))
  );
}

/** Longer numbers are not written out in plain digits. A double has at most 309 before the point. */
const MAX_WHOLE_DIGITS = 400;

/**
 * A JSON number in plain digits, rounded half away from zero, as Postgres rounds.
 * @param decimals how many digits stand behind the point
 * @returns the text as it is where it has more than 400 digits before the point
 */
export function roundedText(text: string, decimals: number): string {
  const { sign, digits, exponent } = decimalOf(text);
  const whole = digits.length + exponent;
  if (digits !== "" && whole > MAX_WHOLE_DIGITS) return text;
  const kept = digits === "" ? -1 : whole + decimals;
  const unscaled =
    kept < 0 ? 0n : BigInt(digits.slice(0, kept).padEnd(kept, "0") || "0") + ((digits[kept] ?? "0") >= "5" ? 1n : 0n);
  const plain = String(unscaled).padStart(decimals + 1, "0");
  const point = plain.length - decimals;
  return `${unscaled === 0n ? "" : sign}${plain.slice(0, point)}${decimals === 0 ? "" : `.${plain.slice(point)}`}`;
}

/** A rounded number without the zeros that only fill its places. */
export function withoutPadding(rounded: string): string {
  return /^-?\d+\.\d+$/.test(rounded) ? rounded.replace(/\.?0{1,15}$/, "") : rounded;
}

/**
 * How many digits a number has before and behind the point, written without an exponent; zeros around them do not
 * count.
 */
export function placesOf(text: string): {
  readonly whole: number;
  readonly fraction: number;
  readonly isNegativeZero: boolean;
} {
  const { sign, digits, exponent } = decimalOf(text);
  if (digits === "") return { whole: 0, fraction: 0, isNegativeZero: sign === "-" };
  return { whole: Math.max(0, digits.length + exponent), fraction: Math.max(0, -exponent), isNegativeZero: false };
}

interface Decimal {
  readonly sign: "-" | "";
  /** Without zeros around them; none for zero. */
  readonly digits: string;
  /** The value is digits · 10^exponent. */
  readonly exponent: number;
}

function decimalOf(text: string): Decimal {
  const [, sign = "", whole = "", fraction = "", power = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const all = whole + fraction;
  let [start, end] = [0, all.length];
  while (all[start] === "0") start += 1;
  while (end > start && all[end - 1] === "0") end -= 1;
  return {
    sign: sign === "-" ? "-" : "",
    digits: all.slice(start, end),
    exponent: Number(power) - fraction.length + (all.length - end),
  };
}
