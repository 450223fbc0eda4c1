/** The optional, empty body of calls without fields. */
import { Type } from "typebox";
import type { Operation } from "./operation.ts";

export const NO_FIELDS: NonNullable<Operation["body"]> = {
  "application/json": { schema: Type.Object({}, { additionalProperties: false, description: "Optional" }) },
};

export const NO_FIELDS_PROBLEMS = [
  "invalid_utf8",
  "malformed_json",
  "json_too_deep",
  "unsupported_media_type",
  "validation_failed",
  "body_too_complex",
];
