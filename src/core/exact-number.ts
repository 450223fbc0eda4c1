/**
 * Numbers of a JSON text with all their digits. JSON.parse turns each into a double, which drops digits, trailing zeros
 * and the sign of zero.
 */

/**
 * A number that a double would print differently. It supports no arithmetic, only printing and a comparison with zero.
 */
export class ExactNumber {
  readonly #text: string;

  /** @param text as JSON writes a number */
  constructor(text: string) {
    this.#text = text;
  }

  /** Conditions treat zero as false, however many digits it has. */
  get isZero(): boolean {
    return !/^[^eE]*[1-9]/.test(this.#text);
  }

  toString(): string {
    return this.#text;
  }
}

/** Parses a JSON number: a double if that prints the same text. */
export function numberOf(text: string): number | ExactNumber {
  const double = Number(text);
  return String(double) === text ? double : new ExactNumber(text);
}

/** Parses a JSON number: a double if that has the same value, as 1 has for `1.0`. */
export function valueOfNumber(text: string): number | ExactNumber {
  return isDouble(text) ? Number(text) : new ExactNumber(text);
}

/** Whether a printed double has the value of the JSON number. */
export function isDouble(text: string): boolean {
  const double = String(Number(text));
  if (double === text) return true;
  if (double === "Infinity" || double === "-Infinity") return false;
  const [exact, rounded] = [decimalOf(text), decimalOf(double)];
  return (
    exact.digits === rounded.digits &&
    (exact.digits === "" || (exact.exponent === rounded.exponent && exact.sign === rounded.sign))
  );
}

/** Longer numbers keep their exponent. A double has at most 309 digits before the point. */
const MAX_WHOLE_DIGITS = 400;

/**
 * A JSON number in plain digits, rounded half away from zero, as Postgres rounds.
 * @param decimals the number of digits after the point
 * @returns the text unchanged if it has more than 400 digits before the point
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

/** A rounded number without trailing zeros. */
export function withoutPadding(rounded: string): string {
  return /^-?\d+\.\d+$/.test(rounded) ? rounded.replace(/\.?0{1,15}$/, "") : rounded;
}

/**
 * How many digits a number has before and after the point when written without an exponent; leading and trailing zeros
 * do not count.
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
  /** Without leading and trailing zeros; "" for zero. */
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
