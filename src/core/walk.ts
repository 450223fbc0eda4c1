/** The state of one walk through an invalid value: the current path, and the errors found so far. */
import type { TLocalizedValidationError } from "typebox/error";
import { escapePointer, MAX_ISSUES } from "./schema-issues.ts";

/** One more than an answer lists, which shows that the list is incomplete. */
export const MAX_ERRORS = MAX_ISSUES + 1;

/** Values that typebox's own `Errors` may read in one walk: at 10 µs each, 20 ms. */
const TYPEBOX_BUDGET = 2_000;
/** Each this many characters of a text count as one more value. */
const CHARACTERS = 1_000;

/** Characters of a path: a name may be as long as the body, and a thousand errors may repeat it. */
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

  /** The errors that `visit` finds, without adding them to the others. */
  apart(visit: () => void): TLocalizedValidationError[] {
    const { errors } = this;
    this.errors = [];
    visit();
    const found = this.errors;
    this.errors = errors;
    return found;
  }

  /**
   * @param at the path of the keyword's schema
   * @param message typebox's message, for keywords without one of ours
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

  /** Adds an error that typebox found at this position of the value, by the schema at `at`. */
  addBelow({ schemaPath, instancePath, ...error }: TLocalizedValidationError, at: string): void {
    if (!this.isFull)
      this.errors.push({ ...error, schemaPath: at + schemaPath.slice(1), instancePath: this.#path() + instancePath });
  }

  /** Takes `size` from the budget; returns false, taking nothing, if less is left. */
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

/** The number of values in a value, counting long texts several times. It stops counting above `limit`. */
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
