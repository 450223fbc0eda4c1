/** Every `code` of a problem document, its status, and its meaning. A code never changes once it is published. */

export interface ProblemCode {
  readonly status: number;
  /** For callers: what is wrong, and what to do if it is not obvious. Without a full stop. */
  readonly meaning: string;
}

export const PROBLEM_CODES: Readonly<Record<string, ProblemCode>> = {
  content_length_invalid: { status: 400, meaning: "Content-Length is not a single number" },
  transfer_encoding_invalid: {
    status: 400,
    meaning: "Transfer-Encoding is not `chunked`, or comes with a Content-Length",
  },
  host_invalid: { status: 400, meaning: "The Host header is missing or given more than once" },
  malformed_http: { status: 400, meaning: "The request is not valid HTTP/1.0 or HTTP/1.1 (at PROXY_ADDR)" },
  body_missing: { status: 400, meaning: "The request has no body, but this call needs one" },
  invalid_utf8: { status: 400, meaning: "The body is not valid UTF-8" },
  malformed_json: { status: 400, meaning: "The body is not valid JSON" },
  json_too_deep: { status: 400, meaning: "The JSON is nested too deeply" },
  idempotency_key_invalid: { status: 400, meaning: "The Idempotency-Key is not 1 to 255 visible ASCII characters" },
  invalid_id: { status: 400, meaning: "The id in the path is not a UUID" },
  key_missing: { status: 401, meaning: "This call needs an API key: send it as `Authorization: Bearer KEY`" },
  key_invalid: { status: 401, meaning: "The API key is not valid: it is mistyped or revoked" },
  scope_missing: {
    status: 403,
    meaning:
      "The API key, or the user of the auth proxy, lacks the scope that this call needs, which `detail` names: use a key that has it",
  },
  protected_mode: {
    status: 403,
    meaning:
      "The server has no API keys, so it serves only its own machine: give it keys, or set TASKFLOW_AUTH=none to serve everyone",
  },
  cross_origin: {
    status: 403,
    meaning:
      "The server requires no API key, or a proxy authenticated the request, so it serves no pages of other sites: add the site's origin to CORS_ORIGINS, or give the server keys; behind an auth proxy, set PUBLIC_URL",
  },
  host_not_allowed: {
    status: 403,
    meaning:
      "The server requires no API key, or a proxy authenticated the request, so it does not answer to this Host: add the name to ALLOWED_HOSTS, or give the server keys; behind an auth proxy, set PUBLIC_URL",
  },
  link_invalid: { status: 403, meaning: "The signature of the link does not match this file: use the link unchanged" },
  link_expired: { status: 403, meaning: "The link has expired: read the file with an API key" },
  not_found: { status: 404, meaning: "There is nothing at this path" },
  job_not_found: {
    status: 404,
    meaning: "There is no job with this id: it never existed, or it is past its retention",
  },
  artifact_not_found: {
    status: 404,
    meaning: "The job has no artifact with this name, or the artifact is past its retention",
  },
  flow_not_found: {
    status: 404,
    meaning: "There is no flow with this id: it never existed, or it is past its retention",
  },
  batch_not_found: {
    status: 404,
    meaning: "There is no batch with this id: it never existed, or it is past its retention",
  },
  schedule_not_found: { status: 404, meaning: "There is no schedule of this name" },
  mail_not_found: { status: 404, meaning: "There is no message with this id, or it has no such part" },
  queue_not_found: { status: 404, meaning: "There is no job type with this name" },
  destination_not_found: {
    status: 404,
    meaning: "No request was sent to this host lately: use a host from `GET /api/v1/destinations`, percent-encoded",
  },
  method_not_allowed: {
    status: 405,
    meaning: "The path does not support this method; the header Allow lists the ones that it supports",
  },
  request_timeout: { status: 408, meaning: "The request took too long to arrive (at PROXY_ADDR)" },
  job_not_retryable: {
    status: 409,
    meaning:
      "The job cannot be retried, for the reason in `detail`: it has not failed, for example, or its type no longer exists",
  },
  job_not_finished: {
    status: 409,
    meaning: "The job has not finished, so it cannot be erased: cancel it, or wait until it finishes",
  },
  job_finished: { status: 409, meaning: "The job has already finished, so it cannot be cancelled or changed" },
  flow_member: {
    status: 409,
    meaning: "The job belongs to a flow or a batch: retry that, or retry the job outside of it with `alone=true`",
  },
  flow_running: {
    status: 409,
    meaning:
      "The flow or batch has not ended, or another retry of it is being prepared, so it cannot be retried: cancel it, or wait",
  },
  flow_finished: { status: 409, meaning: "The flow or batch has already ended, so it cannot be cancelled" },
  nothing_to_retry: { status: 409, meaning: "Everything in the flow or batch has completed" },
  payload_erased: {
    status: 409,
    meaning: "The payload of a job that would run again is erased: submit a new flow or batch",
  },
  batch_closed: {
    status: 409,
    meaning: "The batch is closed, so no jobs can be added: create another one, or create it with `open`",
  },
  batch_full: { status: 409, meaning: "The batch would have more than 1,000,000 jobs: create another one" },
  callback_payload: {
    status: 409,
    meaning: "The job delivers a callback, whose payload the server wrote: its payload cannot be changed",
  },
  job_due: { status: 409, meaning: "The job is due already: it waits for its turn" },
  job_waiting: { status: 409, meaning: "The job waits for other jobs of its flow, so it cannot run now" },
  payload_with_references: {
    status: 409,
    meaning: "The payload of the job refers to results of other jobs of its flow, so it cannot be changed",
  },
  job_running: { status: 409, meaning: "The job runs already, so it cannot be changed" },
  schedule_not_runnable: {
    status: 409,
    meaning:
      "The schedule cannot submit its job, for the reason in `detail`: its job type no longer exists, for example",
  },
  schedule_without_file: {
    status: 409,
    meaning: "The schedule has no file in SCHEDULES_DIR whose definition it could get again",
  },
  schedule_busy: {
    status: 409,
    meaning: "Others changed the schedule again and again meanwhile; nothing was changed: repeat the request",
  },
  precondition_failed: {
    status: 412,
    meaning: "The schedule does not match If-Match or If-None-Match: read it again, and decide with its new ETag",
  },
  body_too_large: { status: 413, meaning: "The body, or one job in it, exceeds its size limit" },
  unsupported_media_type: { status: 415, meaning: "This call does not support the Content-Type of the request" },
  unsupported_content_encoding: { status: 415, meaning: "The body has a Content-Encoding: send it uncompressed" },
  range_not_satisfiable: { status: 416, meaning: "The range begins after the end of the file" },
  validation_failed: { status: 422, meaning: "Fields of the request are invalid; `errors` lists all of them" },
  body_too_complex: {
    status: 422,
    meaning: "Parsing and checking the body takes too long: send less in one request",
  },
  idempotency_key_reused: {
    status: 422,
    meaning: "The Idempotency-Key was already used for another request: use a new key for each new request",
  },
  rate_limited: { status: 429, meaning: "The API key has made too many requests: wait for the time in Retry-After" },
  quota_exceeded: {
    status: 429,
    meaning: "The API key has used up its quota of jobs or bytes: wait for the time in Retry-After",
  },
  headers_too_large: { status: 431, meaning: "The headers of the request are too large" },
  internal_error: {
    status: 500,
    meaning: "The server failed in an unexpected way; its log has the details under the X-Request-Id",
  },
  method_unknown: { status: 501, meaning: "The server does not know this HTTP method (at PROXY_ADDR)" },
  draining: { status: 503, meaning: "This replica is shutting down: repeat the request, another replica will take it" },
  overloaded: { status: 503, meaning: "The server is busy with too many large requests: repeat this one later" },
  too_many_streams: {
    status: 503,
    meaning: "This replica serves as many event streams as it can: connect again later",
  },
  queue_unavailable: { status: 503, meaning: "Redis is unavailable; nothing was changed: repeat the request later" },
  outcome_unknown: {
    status: 503,
    meaning:
      "Redis did not confirm the request in time, so it may have taken effect: read the job by its id, or repeat the request with the same Idempotency-Key",
  },
  store_unavailable: { status: 503, meaning: "Postgres is unavailable: repeat the request later" },
};
