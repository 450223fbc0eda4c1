import { artifactWriteErrors } from "../../artifacts/error-codes.ts";
import { jobErrors } from "../../core/job-errors.ts";

/** What a job of type `data_export` may fail with, for the documentation. */
export const exportErrors = {
  query_unknown: "The operator placed no such query",
  query_params: "The query's parameters are other ones",
  query_failed: "Postgres refused the query, or one of its values",
  query_timeout: "The query took longer than EXPORT_QUERY_TIMEOUT_MS",
  query_unavailable: "There is no database to ask",
  export_columns: "The query has no such column, or one that cannot be written so, or too many for the format",
  export_value: "The format cannot hold a value",
  export_cell_too_long: "A text is longer than a cell of xlsx may be",
  ...artifactWriteErrors,
};

export const exportError = jobErrors(exportErrors);
