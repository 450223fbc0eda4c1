import { fileURLToPath } from "node:url";

/** The folder for TASKFLOW_JOBS with the job types for tests. */
export const testJobsDir = fileURLToPath(new URL("../../src/testing/jobs", import.meta.url));
