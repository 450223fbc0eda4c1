/** The reasons that `GET /api/v1/jobs/{id}/why` gives. */

/** The code under which an attempt is put off because its destination has as many as it may. */
export const DESTINATION_LIMITED = "destination_limited";

export const WHY_REASONS = [
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
