/**
 * Compiles a schema to a validator, which finds the issues of an invalid value. All checks of a caller's values by
 * typebox go through it.
 */
import type { Static, TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { errorFinder } from "./bounded-errors.ts";
import type { ValidationIssue } from "./schema-issues.ts";
import { issuesOfErrors } from "./schema-issues.ts";

export interface Validator<Type extends TSchema> {
  /** Stops at the first error. */
  readonly isValid: (value: unknown) => value is Static<Type>;
  /**
   * All issues of an invalid value: at least one, at most MAX_ISSUES + 1.
   */
  readonly issuesOf: (value: unknown) => ValidationIssue[];
}

/** @throws Error if it is not a schema */
export function compileValidator<Type extends TSchema>(schema: Type): Validator<Type> {
  const validator = Compile(schema);
  const errorsOf = errorFinder(schema);
  return {
    isValid: (value): value is Static<Type> => validator.Check(value),
    issuesOf: (value) => issuesOfErrors(errorsOf(value)),
  };
}
