/** Chooses the Parquet type that represents all numbers of a column exactly. */
import { isDouble, placesOf } from "../../core/exact-number.ts";
import type { ColumnType } from "./table.ts";

const INTEGER = /^-?\d{1,19}$/;
const [LOWEST_INT64, HIGHEST_INT64] = [-(2n ** 63n), 2n ** 63n - 1n];
/** Parquet's limit for values of 16 bytes. */
const MAX_DECIMAL_DIGITS = 38;

export class NumberRange {
  #areIntegers = true;
  #areDoubles = true;
  #areDecimals = true;
  #whole = 0;
  #fraction = 0;

  /** @param text a JSON number */
  add(text: string): void {
    this.#areIntegers &&= integerText(text) !== undefined;
    this.#areDoubles &&= isDouble(text);
    const { whole, fraction, isNegativeZero } = placesOf(text);
    this.#areDecimals &&= !isNegativeZero;
    this.#whole = Math.max(this.#whole, whole);
    this.#fraction = Math.max(this.#fraction, fraction);
  }

  /** 64-bit integers if possible, then doubles, then decimals of up to 38 digits, and otherwise texts. */
  get type(): ColumnType {
    if (this.#areIntegers) return { kind: "bigint" };
    if (this.#areDoubles) return { kind: "float" };
    const precision = Math.max(1, this.#whole + this.#fraction);
    if (this.#areDecimals && precision <= MAX_DECIMAL_DIGITS)
      return { kind: "decimal", precision, scale: this.#fraction };
    return { kind: "text" };
  }
}

/**
 * The digits of a 64-bit integer, including spellings such as `1.0` and `1e3`; undefined for any other value and for
 * -0.
 */
export function integerText(text: string): string | undefined {
  if (INTEGER.test(text)) return text !== "-0" && isInt64(BigInt(text)) ? text : undefined;
  const double = Number(text);
  return Number.isSafeInteger(double) && !Object.is(double, -0) && isDouble(text) ? String(double) : undefined;
}

function isInt64(value: bigint): boolean {
  return value >= LOWEST_INT64 && value <= HIGHEST_INT64;
}
