// The no-op of the tests. The benchmark sets TASKFLOW_JOBS to this folder.
export { default } from "../../src/testing/jobs/noop.mjs";
