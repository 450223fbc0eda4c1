/** The reasons in the answers of `GET /api/v1/jobs/{id}/why`. */

/** The error code of an attempt that was postponed because its destination is at its limit. */
export const DESTINATION_LIMITED = "destination_limited";

export const WHY_REASONS = [
  "waiting_for",
  "queue_paused",
  "position",
  "scheduled",
  "retry_at",
  "no_worker_for_type",
  "slots_full",
  DESTINATION_LIMITED,
  "running",
  "finished",
] as const;
