/** The query parameters of `GET /api/v1/jobs` that filter: handlers/list-query.ts reads them. */
import type { TSchema } from "typebox";
import { Type } from "typebox";
import { filterSchemas } from "../../core/job-filters.ts";

/** Their values contain no commas, so several may be in one parameter. */
const LISTED = ["status", "type", "error_code", "retry_of", "worker"];
/** Their values may contain commas, so the parameter is repeated instead. */
const REPEATED = ["tag", "group_key"];

function parameter(name: string, schema: object): TSchema {
  const { description } = schema as { readonly description: string };
  if (REPEATED.includes(name))
    return Type.Optional(
      Type.Union([Type.String(), Type.Array(Type.String())], {
        description: `${description}; repeat the parameter for several`,
      }),
    );
  const several = LISTED.includes(name) ? "; several are separated by commas" : "";
  return Type.Optional(Type.String({ description: description + several }));
}

export const listQuerySchema = Type.Object(
  Object.fromEntries(Object.entries(filterSchemas).map(([name, schema]) => [name, parameter(name, schema)])),
  { additionalProperties: false },
);
