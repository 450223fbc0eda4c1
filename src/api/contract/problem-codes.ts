/** Every `code` of a problem document: its status, and what it means. A code never changes once published. */

export interface ProblemCode {
  readonly status: number;
  readonly meaning: string;
}

export const PROBLEM_CODES: Readonly<Record<string, ProblemCode>> = {
  content_length_invalid: { status: 400, meaning: "Content-Length is not one number" },
  transfer_encoding_invalid: { status: 400, meaning: "Transfer-Encoding is not chunked" },
  body_missing: { status: 400, meaning: "The request has no body" },
  invalid_utf8: { status: 400, meaning: "The body is not UTF-8" },
  malformed_json: { status: 400, meaning: "The body is not JSON" },
  json_too_deep: { status: 400, meaning: "The body is nested too deeply" },
  idempotency_key_invalid: { status: 400, meaning: "The Idempotency-Key is not 1 to 255 visible ASCII characters" },
  invalid_id: { status: 400, meaning: "The id in the path is no UUID" },
  key_missing: { status: 401, meaning: "The call needs an API key" },
  key_invalid: { status: 401, meaning: "The API key is none that holds" },
  scope_missing: { status: 403, meaning: "The API key lacks the scope" },
  protected_mode: { status: 403, meaning: "The server has no keys and serves its own machine only" },
  cross_origin: { status: 403, meaning: "The server has no keys and serves no pages of other sites" },
  link_invalid: { status: 403, meaning: "The signature of the link is none for this file" },
  link_expired: { status: 403, meaning: "The link has expired" },
  not_found: { status: 404, meaning: "There is nothing at this path" },
  job_not_found: { status: 404, meaning: "There is no such job" },
  artifact_not_found: { status: 404, meaning: "The job has no such artifact, or it is past its retention" },
  mail_not_found: { status: 404, meaning: "There is no such message" },
  queue_not_found: { status: 404, meaning: "There is no such job type" },
  method_not_allowed: { status: 405, meaning: "The path does not take this method; Allow says which it takes" },
  job_not_retryable: { status: 409, meaning: "Only a job that failed or was cancelled can be retried" },
  job_finished: { status: 409, meaning: "The job has finished" },
  body_too_large: { status: 413, meaning: "The body, or one job of it, exceeds its limit" },
  unsupported_media_type: { status: 415, meaning: "The Content-Type is none that the call takes" },
  unsupported_content_encoding: { status: 415, meaning: "Bodies are taken without Content-Encoding" },
  range_not_satisfiable: { status: 416, meaning: "The file is shorter than the range" },
  validation_failed: { status: 422, meaning: "The request has faults: errors lists all of them" },
  body_too_complex: { status: 422, meaning: "Reading and checking the body takes too long; send less at once" },
  idempotency_key_reused: { status: 422, meaning: "The Idempotency-Key was used for another body" },
  rate_limited: { status: 429, meaning: "The API key has made too many requests" },
  quota_exceeded: { status: 429, meaning: "The API key has submitted as many jobs as it may for now" },
  headers_too_large: { status: 431, meaning: "The headers are too large" },
  internal_error: { status: 500, meaning: "A fault of the server; its log says what" },
  draining: { status: 503, meaning: "This replica is shutting down" },
  overloaded: { status: 503, meaning: "Too many large requests are under way" },
  too_many_streams: { status: 503, meaning: "This replica has as many followers as it bears" },
  queue_unavailable: { status: 503, meaning: "Redis is away; nothing was changed" },
  outcome_unknown: { status: 503, meaning: "Redis took the call and gave no answer in time: read the id, or repeat with the same Idempotency-Key" },
  store_unavailable: { status: 503, meaning: "Postgres is away" },
};
