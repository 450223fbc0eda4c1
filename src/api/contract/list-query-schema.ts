/** The query parameters of `GET /api/v1/jobs` that filter: handlers/list-query.ts reads them. */
import { Type } from "typebox";
import { filterSchemas } from "../../core/job-filters.ts";

const text = (schema: object) =>
  Type.Optional(Type.String({ description: (schema as { readonly description: string }).description }));
export const listQuerySchema = Type.Object(
  Object.fromEntries(Object.entries(filterSchemas).map(([name, schema]) => [name, text(schema)])),
  { additionalProperties: false },
);
