import { jobErrors } from "../../core/job-errors.ts";

/** The error codes of a bulk operation. Both wait without counting an attempt. */
export const bulkErrors = {
  paced: "The operation keeps to its rate; waits without counting an attempt",
  quota_exceeded:
    "The quota of the API key that submitted the operation is used up; waits without counting an attempt until the quota refills",
};

export const bulkError = jobErrors(bulkErrors);
