// The no-op of the tests: this folder is what the benchmark names in TASKFLOW_JOBS.
export { default } from "../../src/testing/jobs/noop.mjs";
