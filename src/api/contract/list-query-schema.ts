/** The query parameters of `GET /api/v1/jobs`. */
import { Type } from "typebox";
import { STATUSES } from "../../core/job.ts";
import { textFilters } from "../../core/job-filters.ts";

const text = Type.Optional(Type.String({ minLength: 1, maxLength: 255 }));
export const listQuerySchema = Type.Object(
  {
    status: Type.Optional(Type.Enum([...STATUSES])),
    ...textFilters,
    created_after: text,
    created_before: text,
    limit: text,
    cursor: text,
  },
  { additionalProperties: false },
);
