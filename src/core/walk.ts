/** One walk through a value that is not valid: where it is, and which errors it has found so far. */
import type { TLocalizedValidationError } from "typebox/error";
import { escapePointer, MAX_ISSUES } from "./schema-issues.ts";

/** One more than are listed, so that an answer can say that there are more. */
export const MAX_ERRORS = MAX_ISSUES + 1;

/** Values that typebox's own `Errors` may read in one walk: at 10 µs each, 20 ms. */
const TYPEBOX_BUDGET = 2_000;
/** Of a text, that count as a value more. */
const CHARACTERS = 1_000;

/** Characters of a path: names may be as long as the body, and a thousand errors may stand below one. */
const MAX_PATH = 1_024;

export class Walk {
  errors: TLocalizedValidationError[] = [];
  budget = TYPEBOX_BUDGET;
  readonly #steps: (string | number)[] = [];

  get isFull(): boolean {
    return this.errors.length >= MAX_ERRORS;
  }

  into(step: string | number, value: unknown, visit: (value: unknown, walk: Walk) => void): void {
    this.#steps.push(step);
    visit(value, this);
    this.#steps.pop();
  }

  /** The errors that `visit` finds, which are not added to the others. */
  apart(visit: () => void): TLocalizedValidationError[] {
    const { errors } = this;
    this.errors = [];
    visit();
    const found = this.errors;
    this.errors = errors;
    return found;
  }

  /**
   * @param at where the keyword's schema is
   * @param message in typebox's words, where ours do not follow from the keyword
   */
  add(keyword: string, at: string, params: object, message = ""): void {
    if (!this.isFull)
      this.errors.push({
        keyword,
        schemaPath: at,
        instancePath: this.#path(),
        params,
        message,
      } as TLocalizedValidationError);
  }

  /** Adds an error that typebox found at this place of the value, by the schema at `at`. */
  addBelow({ schemaPath, instancePath, ...error }: TLocalizedValidationError, at: string): void {
    if (!this.isFull)
      this.errors.push({ ...error, schemaPath: at + schemaPath.slice(1), instancePath: this.#path() + instancePath });
  }

  /** Takes so much of the budget; false where less is left. */
  spend(size: number): boolean {
    const isEnough = size <= this.budget;
    if (isEnough) this.budget -= size;
    return isEnough;
  }

  #path(): string {
    const path = this.#steps.map((step) => `/${typeof step === "string" ? escapePointer(step) : step}`).join("");
    return path.length > MAX_PATH ? `${path.slice(0, MAX_PATH)}…` : path;
  }
}

/** The number of values in a value, long texts counted more than once; no more than one above `limit`. */
export function sizeOf(value: unknown, limit: number): number {
  if (typeof value === "string") return 1 + Math.floor(value.length / CHARACTERS);
  if (typeof value !== "object" || value === null) return 1;
  let size = 1;
  for (const name in value) {
    size += sizeOf((value as Readonly<Record<string, unknown>>)[name], limit - size);
    if (size > limit) break;
  }
  return size;
}
