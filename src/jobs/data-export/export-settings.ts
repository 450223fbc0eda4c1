import { type Static, type TObject, Type } from "typebox";

export const querySettings = {
  DATABASE_URL: Type.String({
    default: "",
    secret: true,
    description: "The Postgres that stores the outcomes and that exports query: postgres://user@host/database.",
  }),
  EXPORT_DATABASE_URL: Type.String({
    default: "",
    secret: true,
    description:
      "The Postgres for the named queries of data_export, for example with a role that may only read. Default: DATABASE_URL.",
  }),
  EXPORT_QUERIES_DIR: Type.String({
    default: "./queries",
    isFolder: true,
    description: "The folder of the named queries of data_export: NAME.sql, one SELECT each, with parameters as :name.",
  }),
  EXPORT_QUERY_TIMEOUT_MS: Type.Integer({
    default: 300_000,
    minimum: 1,
    maximum: 86_400_000,
    description: "The time limit of a query of data_export until its rows are written, in milliseconds.",
  }),
};

export type QuerySettings = Static<TObject<typeof querySettings>>;
