import { artifactWriteErrors } from "../../artifacts/error-codes.ts";
import { jobErrors } from "../../core/job-errors.ts";

/** The error codes of the job type `data_export`. */
export const exportErrors = {
  query_unknown: "The operator's folder has no such query",
  query_params: "The parameters do not match those of the query",
  query_failed: "Postgres rejected the query, or one of its values",
  query_timeout: "The query took longer than EXPORT_QUERY_TIMEOUT_MS",
  query_unavailable: "No database is configured",
  export_columns:
    "The query lacks a column, has a column that cannot be written in the requested format, or has too many columns for the format",
  export_value: "The format cannot represent a value",
  export_cell_too_long: "A text is too long for a cell of xlsx",
  ...artifactWriteErrors,
};

export const exportError = jobErrors(exportErrors);
