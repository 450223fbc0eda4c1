import { jobErrors } from "../../core/job-errors.ts";
import { bulkErrors } from "../bulk/error-codes.ts";

/** The error codes of a backfill: those of every operation, and its own, with which it ends. */
export const backfillErrors = {
  ...bulkErrors,
  schedule_deleted:
    "There is no such schedule, or it was deleted, or created again, after the backfill was submitted; the jobs that exist stay",
  schedule_changed:
    "The schedule was changed while the backfill was interrupted, and its definition is too long to be stored with the job",
  too_many_ticks: "The range has more ticks than `max` allows, or is longer than 100 years; no job was submitted",
};

export const backfillError = jobErrors(backfillErrors);
