import { fileURLToPath } from "node:url";

/** Job types for tests, as a deployment brings its own: the folder to name in TASKFLOW_JOBS. */
export const testJobsDir = fileURLToPath(new URL("../../src/testing/jobs", import.meta.url));
