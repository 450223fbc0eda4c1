/** What a job that makes artifacts may fail with, for the documentation. */
export const artifactErrors = {
  disk_full: "No space is left for artifacts; retried",
  artifact_store_failed: "S3 did not take the file; retried",
};
