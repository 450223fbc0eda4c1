import { artifactWriteErrors } from "../../artifacts/error-codes.ts";
import { jobErrors } from "../../core/job-errors.ts";

export const batchResultsErrors = {
  ...artifactWriteErrors,
  batch_missing: "The batch does not exist, or its retention has ended",
};

export const batchResultsError = jobErrors(batchResultsErrors);
