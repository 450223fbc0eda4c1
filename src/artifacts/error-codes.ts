import { jobErrors } from "../core/job-errors.ts";

/** The error codes of a job that reads another job's artifact. */
export const artifactReadErrors = { artifact_unknown: "The artifact that the payload names does not exist" };

/** The error codes of a job that produces artifacts. */
export const artifactWriteErrors = {
  disk_full: "No space is left for artifacts; retried",
  artifact_store_failed: "S3 did not accept the file; retried",
};

export const artifactError = jobErrors({ ...artifactReadErrors, ...artifactWriteErrors });
