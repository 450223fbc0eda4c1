/** The path parameters, by name. */
import type { TSchema } from "typebox";
import { Type } from "typebox";
import { SCHEDULE_NAME_PATTERN } from "../../core/schedules/name.ts";
import { idSchema } from "./job-schemas.ts";

export const PATH_PARAMETERS: Readonly<Record<string, TSchema>> = {
  id: idSchema,
  name: Type.String({
    pattern: "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$",
    description: "The name of an artifact, from the job's result",
  }),
  type: Type.String({ pattern: "^[a-z][a-z0-9_]{0,63}$", description: "A job type" }),
  host: Type.String({ minLength: 1, description: "A host as `GET /api/v1/destinations` lists it" }),
  schedule: Type.String({
    pattern: SCHEDULE_NAME_PATTERN,
    description:
      "The name of a schedule: 1 to 128 letters, digits, `_`, `.`, `:` or `-`, the first one a letter, digit or `_`; not `preview`",
  }),
  ui_screen: Type.String({ minLength: 1, description: "The name of a screen" }),
  ui_item: Type.String({ minLength: 1, description: "An id or a name" }),
  ui_file: Type.String({ minLength: 1 }),
  docs_file: Type.Enum(["start.js", "swagger-ui-bundle.js", "swagger-ui.css"]),
  mail_id: Type.String({ minLength: 1 }),
};
