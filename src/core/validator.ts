/**
 * A schema, compiled: whether a value is valid, and else what is wrong with it. The only way from a caller's value to
 * typebox.
 */
import type { Static, TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { errorFinder } from "./bounded-errors.ts";
import type { ValidationIssue } from "./schema-issues.ts";
import { issuesOfErrors } from "./schema-issues.ts";

export interface Validator<Type extends TSchema> {
  /** Stops at the first thing that is wrong. */
  readonly isValid: (value: unknown) => value is Static<Type>;
  /**
   * Everything that is wrong with a value that is not valid: at least one issue, and one more than are listed where
   * there are more.
   */
  readonly issuesOf: (value: unknown) => ValidationIssue[];
}

/** @throws Error where it is no schema */
export function compileValidator<Type extends TSchema>(schema: Type): Validator<Type> {
  const validator = Compile(schema);
  const errorsOf = errorFinder(schema);
  return {
    isValid: (value): value is Static<Type> => validator.Check(value),
    issuesOf: (value) => issuesOfErrors(errorsOf(value)),
  };
}
