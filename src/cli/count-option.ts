/** Whole numbers on the command line. */
import { InvalidArgumentError } from "commander";

/** @returns a parser of integers in a range, for commander */
export function countBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (!/^\d{1,9}$/.test(text) || count < least || count > most)
      throw new InvalidArgumentError(`Expected an integer from ${least} to ${most}.`);
    return count;
  };
}
