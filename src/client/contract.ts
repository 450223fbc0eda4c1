/**
 * The types of the API. Generated from the schemas by which the server validates, do not edit:
 * `UPDATE_CLIENT=1 npx vitest run src/client/contract.test.ts` writes this file, and that test fails where it differs.
 */

import type { Submission } from "./submission.ts";

export interface Job {
  /** A UUIDv7: ids sort by creation time */
  id: string;
  type: string;
  status: Status;
  priority: number;
  durability: "redis" | "postgres";
  group_key: string | null;
  /** As it was submitted; secrets are replaced by `[redacted]`. null if it has more than 32,768 characters */
  payload: Record<string, unknown> | null;
  /** Present if the payload is too large to be shown */
  payload_omitted?: true;
  /** The return value of the type's handler; null until the job has completed. A bulk operation that was cancelled has its counts up to then */
  result: unknown;
  error: JobError | null;
  /** The number of attempts, including the running one; attempts that were postponed or lost are not counted */
  attempt: number;
  max_attempts: number;
  progress: number | null;
  tags: string[];
  /** The job that this one runs again */
  retry_of: string | null;
  /** The schedule that submitted the job, and the tick that it is for */
  schedule: {
    name: string;
    /** RFC 3339, in UTC */
    tick: string;
  } | null;
  /** The flow that the job belongs to */
  flow_id: string | null;
  /** The batch that the job belongs to */
  batch_id: string | null;
  /** The name of the job's node in its flow or batch */
  node: string | null;
  /** The replica that runs or ran the latest attempt */
  worker: string | null;
  /** The earliest start */
  run_at: string | null;
  /** If no attempt has started by then, the job fails with the code `expired` */
  expires_at: string | null;
  /** RFC 3339, in UTC */
  created_at: string;
  /** The start of the latest attempt */
  started_at: string | null;
  finished_at: string | null;
  /** When its payload, result, messages and logs were erased */
  erased_at: string | null;
  /** Only in `GET /api/v1/jobs/{id}`, once a job with a `callback_url` has ended: the job that delivers its callback */
  callback_job?: string;
  /** Only in `GET /api/v1/jobs/{id}` of a job that delivers a callback and whose payload is shown: the job that has ended */
  callback_of?: string;
}

export type Status = "waiting" | "scheduled" | "queued" | "running" | "retrying" | "completed" | "failed" | "cancelled";

export interface JobError {
  /** `timeout`, `lost`, `expired`, `unrecordable`, `unreadable`, `permanent`, or a code of the job type */
  code: string;
  message: string;
  /** The number of the attempt that failed */
  attempt: number;
}

/** The response about a job of its own to a key without the scope `read` */
export interface JobReceipt {
  /** A UUIDv7: ids sort by creation time */
  id: string;
  status: Status;
  /** A UUIDv7: ids sort by creation time */
  retry_of?: string;
}

export interface AcceptedJob {
  /** A UUIDv7: ids sort by creation time */
  id: string;
  status: Status;
}

export interface Attempt {
  /** Counts the attempts that use up `max_attempts`. After an attempt that was postponed or whose replica was lost, the next one has the same number */
  number: number;
  replica: string | null;
  /** The pool thread, for types that run on one; null if the thread was stopped together with the attempt */
  thread: number | null;
  /** From the time at which it could start until it started */
  waited_ms: number;
  /** null while it runs */
  ran_ms: number | null;
  outcome: "running" | "completed" | "failed" | "cancelled" | "retry" | "lost" | "released";
  error: JobError | null;
  /** The last 50 lines that the handler logged, each cut to 1,024 characters, and the stack trace of an unexpected error. Empty while the attempt runs */
  log: string[];
  /** RFC 3339, in UTC */
  started_at: string;
  finished_at: string | null;
}

export interface Why {
  reason:
    | "waiting_for"
    | "queue_paused"
    | "position"
    | "scheduled"
    | "retry_at"
    | "no_worker_for_type"
    | "slots_full"
    | "destination_limited"
    | "running"
    | "finished";
  /** An explanation, for people */
  detail: string;
  /** When this reason ends, if known */
  until: string | null;
  /** Its position in its queue, counted from 1; null if it is not in a queue */
  position: number | null;
}

export interface Queue {
  type: string;
  state: "active" | "paused";
  paused_reason: string | null;
  depth: number;
  oldest_wait_ms: number | null;
  scheduled: number;
  retrying: number;
  running: number;
}

export interface QueueDetail {
  type: string;
  state: "active" | "paused";
  paused_reason: string | null;
  depth: number;
  oldest_wait_ms: number | null;
  scheduled: number;
  retrying: number;
  running: number;
  /** The most jobs of the type that the live replicas run at once, together */
  limit: number;
  /** The ids of the live replicas that run the type */
  replicas: string[];
  /** Waiting jobs by priority, without the priorities that have none */
  by_priority: Record<string, number>;
  /** The 20 groups with the most waiting jobs */
  groups: {
    /** Null: the jobs without a group */
    group_key: string | null;
    waiting: number;
  }[];
  /** The next 10 scheduled or retrying jobs */
  next_due: {
    /** A UUIDv7: ids sort by creation time */
    id: string;
    /** RFC 3339, in UTC */
    run_at: string;
    status: "scheduled" | "retrying";
  }[];
  /** Whether `groups` has estimates because more than 2,000 jobs wait (they may include jobs that were cancelled), or `next_due` may lack jobs because 2,000 jobs, mostly of other types, are due before them */
  is_partial: boolean;
}

export interface QueueHistory {
  /** The length of a step: a multiple of a minute */
  step_ms: number;
  samples: {
    /** The start of the step; RFC 3339, in UTC */
    at: string;
    depth: number;
    /** Null if no job waited */
    oldest_wait_ms: number | null;
    running: number;
  }[];
}

export interface Worker {
  id: string;
  host: string;
  version: string;
  role: string;
  /** RFC 3339, in UTC */
  since: string;
  /** RFC 3339, in UTC */
  heartbeat: string;
  types: Record<
    string,
    {
      limit: number;
      running: number;
    }
  >;
  lanes: {
    io: {
      limit: number;
      running: number;
    };
    cpu: {
      limit: number;
      running: number;
    };
  };
  threads: {
    size: number;
    busy: number;
  };
  /** The memory that the process uses; null if its version does not report it */
  memory_bytes: number | null;
  /** The limit of its container; null without one */
  memory_limit_bytes: number | null;
  /** Whether it shuts down: it finishes its jobs, and starts no others */
  draining: boolean;
  event_loop_delay_ms: {
    p50: number;
    p99: number;
  };
  latency_ms: {
    pickup: {
      p50: number | null;
      p95: number | null;
      p99: number | null;
    } | null;
    run: {
      p50: number | null;
      p95: number | null;
      p99: number | null;
    } | null;
  };
}

export interface Stats {
  /** RFC 3339, in UTC */
  time: string;
  totals: {
    waiting: number;
    scheduled: number;
    queued: number;
    running: number;
    retrying: number;
    completed: number;
    failed: number;
    cancelled: number;
  };
  by_type: Record<
    string,
    {
      waiting: number;
      scheduled: number;
      queued: number;
      running: number;
      retrying: number;
      completed: number;
      failed: number;
      cancelled: number;
    }
  >;
  jobs_per_minute: {
    "1m": number;
    "5m": number;
    "15m": number;
  };
  latency_ms: {
    pickup: {
      p50: number | null;
      p95: number | null;
      p99: number | null;
    } | null;
    run: {
      p50: number | null;
      p95: number | null;
      p99: number | null;
    } | null;
  };
  outbox_depth: number;
  replicas: number;
  accepted: number;
  unaccounted: number;
}

export interface Whoami {
  key: {
    id: string;
    name: string;
  } | null;
  user: string | null;
  /** What the caller may do */
  scopes: ("submit" | "read" | "admin")[];
  dashboard: {
    /** The setting `DASHBOARD` */
    mode: "full" | "read" | "off";
    label: string | null;
  };
  /** The version of this replica */
  version: string;
}

export interface Health {
  status: "ok" | "degraded";
  checks: {
    redis: {
      status: "ok" | "degraded";
      latency_ms?: number;
      error?: string;
      replicas?: number;
    };
    postgres: {
      status: "ok" | "degraded";
      latency_ms?: number;
      error?: string;
      replicas?: number;
    };
    workers: {
      status: "ok" | "degraded";
      latency_ms?: number;
      error?: string;
      replicas?: number;
    };
  };
}

export interface Series {
  step: "minute" | "hour" | "day";
  /** RFC 3339, in UTC */
  from: string;
  /** RFC 3339, in UTC */
  to: string;
  series: {
    /** RFC 3339, in UTC */
    at: string;
    completed: number;
    failed: number;
    cancelled: number;
    /** Counted attempts beyond the first of each job */
    retries: number;
    /** The sum of the durations of the last attempt of each job */
    run_total_ms: number;
    /** From the time at which a job could first start, `created_at` or `run_at`, to the start of its first attempt; null if no job started */
    pickup_ms: {
      p50: number;
      p95: number;
      p99: number;
    } | null;
    /** The duration of the last attempt of each job; null if no job started */
    run_ms: {
      p50: number;
      p95: number;
      p99: number;
    } | null;
  }[];
  /** With `by=type`: the types that have any job, those with the most run time first */
  types?: {
    type: string;
    completed: number;
    failed: number;
    cancelled: number;
    /** Counted attempts beyond the first of each job */
    retries: number;
    /** The sum of the durations of the last attempt of each job */
    run_total_ms: number;
    /** From the time at which a job could first start, `created_at` or `run_at`, to the start of its first attempt; null if no job started */
    pickup_ms: {
      p50: number;
      p95: number;
      p99: number;
    } | null;
    /** The duration of the last attempt of each job; null if no job started */
    run_ms: {
      p50: number;
      p95: number;
      p99: number;
    } | null;
  }[];
  /** When replicas began to run another version: the one in force at the start of the range, and up to 1,000 after it, the oldest first */
  versions: {
    /** RFC 3339, in UTC */
    at: string;
    version: string;
  }[];
}

export interface ErrorGroups {
  errors: {
    type: string;
    code: string;
    /** The message with placeholders for numbers, ids, quoted parts, addresses, and the paths of URLs, cut to 200 characters */
    signature: string;
    count: number;
    /** RFC 3339, in UTC. Of all errors that are kept: it may be before the range */
    first_seen: string;
    /** RFC 3339, in UTC */
    last_seen: string;
    /** Counts of the last 24 hours (of the clock, in UTC), the oldest first; the last is the current hour */
    hourly: number[];
    /** Ids of up to three of the jobs */
    examples: string[];
  }[];
  /** Whether there are more than these 1000 */
  truncated: boolean;
  /** When the version that replicas began to run last first ran: errors first seen since then are new in it. Null if no earlier version is known */
  version_since: string | null;
}

export interface TypeDescription {
  type: string;
  lane: "io" | "cpu" | null;
  max_attempts: number | null;
  timeout_ms: number | null;
  backoff: {
    kind: "exponential" | "fixed";
    base_ms: number;
    max_ms: number;
  } | null;
  description: string | null;
  is_built_in: boolean | null;
  payload_schema: Record<string, unknown> | null;
  examples: unknown[];
  /** The ids of the live replicas that run the type */
  replicas: string[];
}

export interface Destination {
  /** The host, with its port unless that is 443 */
  host: string;
  /** `closed`: requests are sent. `open`: the host does not answer, and gets no requests until `suspended_until`. `half_open`: it gets one request, whose result closes or opens it */
  state: "open" | "half_open" | "closed";
  /** Requests under way, of all replicas */
  in_flight: number;
  /** The most requests at once: 10 for a new host, more while it answers, fewer after failures */
  limit: number;
  consecutive_failures: number;
  suspended_until: string | null;
  /** Up to a minute late */
  last_used: string;
  /** Pairs of caller and path whose failures are counted apart from those of the host, at most 256 */
  routes: number;
  /** Jobs that began and were postponed because the host, or their path of it, takes no more requests for now; at most 10,000 are counted. A job that is cancelled meanwhile counts until its time. Jobs that have not begun are not counted: their hosts are unknown until then */
  waiting: number;
}

export interface MailSummary {
  /** Later messages have greater ids */
  id: string;
  /** Milliseconds since 1970 */
  receivedAtMs: number;
  from: string;
  subject: string;
  /** All recipients, including blind copies */
  to: string[];
}

export interface Mail {
  message_id?: string;
  from?: string;
  to: string[];
  subject?: string;
  text?: string;
  html?: string;
  attachments: {
    filename?: string;
    content_type: string;
    bytes: number;
  }[];
}

export interface AuditEntry {
  id: string;
  /** RFC 3339, in UTC */
  at: string;
  key: {
    id: string | null;
    /** The name of the API key; without an id, the user of an auth proxy, or `cli` for the command `taskflow keys` */
    name: string;
  } | null;
  /** What was done, such as `queues.pause` or `jobs.cancel` */
  action: string;
  /** What it was done to: the name of a type, host or API key, the id of a job, or filters as JSON */
  target: string;
  details: Record<string, unknown> | null;
  count: number | null;
  job_id: string | null;
  request_id: string | null;
}

export interface Schedule {
  name: string;
  /** Rises with each new definition; the ETag of version 7 is `"v7"` */
  version: number;
  /** `ended`: it has no more ticks */
  state: "active" | "paused" | "ended";
  cron?: string;
  every_ms?: number;
  offset_ms?: number;
  times?: string[];
  time_zone: string;
  overlap: "skip" | "allow" | "queue_one" | "cancel_previous";
  catch_up: {
    policy: "none" | "last" | "all";
    /** Null: one period, at most 24 hours */
    within_ms: number | null;
    max: number;
  };
  jitter_ms: number;
  start_at: string | null;
  end_at: string | null;
  max_runs: number | null;
  pause_after_failures: number | null;
  /** The submission; secrets of its payload are replaced by `[redacted]` */
  job: Record<string, unknown>;
  description: string | null;
  /** The next tick; null while the schedule is paused without an end, and once it has ended */
  next_run_at: string | null;
  /** The next 5 ticks */
  next_runs: string[];
  /** The latest tick whose outcome is known; null if there is none */
  last_run: {
    /** RFC 3339, in UTC */
    tick: string;
    outcome: "fired" | "late" | "skipped" | "missed";
    job_id: string | null;
    /** Null without a job, and for one past its retention */
    job_status: Status | null;
  } | null;
  /** Null unless the schedule is paused */
  paused_at: string | null;
  /** The API key or user that paused it; `failures` if it paused itself because of `pause_after_failures` */
  paused_by: string | null;
  paused_reason: string | null;
  /** When it resumes by itself; null: when somebody resumes it */
  paused_until: string | null;
  /** Its ticks by outcome */
  counts: {
    fired: number;
    late: number;
    skipped: number;
    missed: number;
  };
  /** Whether it has a file in SCHEDULES_DIR, and was changed over the API since then */
  overridden: boolean;
  /** RFC 3339, in UTC */
  created_at: string;
  /** RFC 3339, in UTC */
  updated_at: string;
}

export interface ScheduleRun {
  /** RFC 3339, in UTC */
  tick: string;
  /** `fired`: in time. `late`: made up later. `skipped`: the job of the tick before had not finished. `missed`: not made up */
  outcome: "fired" | "late" | "skipped" | "missed";
  /** Why it was not fired in time; null for one that was. `overlap`: the job of a tick before had not finished. `catch_up_none`, `catch_up_last`: the policy makes up no missed tick, or only the last one. `too_old`: missed for longer than `within_ms`. `more_than_max`: more than `max` ticks were missed. `paused`: it was in a pause. `invalid_job`: its job is not valid (any more) */
  reason: "overlap" | "catch_up_none" | "catch_up_last" | "too_old" | "more_than_max" | "paused" | "invalid_job" | null;
  /** `manual`: by `POST …/run` */
  kind: "tick" | "manual" | "backfill";
  /** The version of the definition */
  version: number;
  job_id: string | null;
  /** Null without a job, and for one past its retention */
  job_status: Status | null;
  /** When it was decided; RFC 3339, in UTC */
  at: string;
  /** More than 1 if the entry stands for a row of missed ticks, of which `tick` is the last */
  ticks: number;
}

export interface ScheduleTick {
  /** RFC 3339, in UTC */
  at: string;
  /** The time in the schedule's zone, with its offset */
  local: string;
  /** In words, if a clock change moved the tick */
  note: string | null;
}

export interface ScheduleDefinition {
  /** 5 fields (minute, hour, day of month, month, day of week), or 6 with seconds first; names, `L`, `W`, `#`, `@daily` etc., and `H` for a value that follows from the schedule's name */
  cron?: string | undefined;
  /** Multiples of it since 1970-01-01T00:00:00Z */
  everyMs?: number | undefined;
  /** Moves the ticks of every_ms */
  offsetMs?: number | undefined;
  times?: readonly (string | Date)[] | undefined;
  /** IANA name, such as `Europe/Berlin` */
  timeZone?: string | undefined;
  /** What happens to a tick while the job of the tick before has not finished */
  overlap?: "skip" | "allow" | "queue_one" | "cancel_previous" | undefined;
  catchUp?:
    | {
        /** Which ticks are made up that were missed while no server ran */
        policy?: "none" | "last" | "all" | undefined;
        /** Older ticks are not made up. Default for `last`: one period, at most 24 h */
        withinMs?: number | null | undefined;
        /** So many of the newest missed ticks are made up by `all` */
        max?: number | undefined;
      }
    | undefined;
  /** Each tick is delayed by up to so long, but never past the next tick */
  jitterMs?: number | undefined;
  /** No tick before */
  startAt?: string | Date | null | undefined;
  /** No tick after */
  endAt?: string | Date | null | undefined;
  /** The schedule ends after so many fired ticks */
  maxRuns?: number | null | undefined;
  /** The schedule pauses itself after so many failed jobs in a row */
  pauseAfterFailures?: number | null | undefined;
  description?: string | null | undefined;
  /** A submission; its strings may contain templates such as `${tick-1d:YYYY-MM-DD}` */
  job: Submission;
}

export interface JobOptions {
  /** Higher first; first in, first out within one priority */
  priority?: number | undefined;
  /** RFC 3339: start no earlier; at most one year ahead */
  runAt?: string | Date | undefined;
  /** Start no earlier than so long from now; not together with run_at */
  delayMs?: number | undefined;
  /** Default by type */
  maxAttempts?: number | undefined;
  /** The delay between attempts. Default by type */
  backoff?:
    | {
        kind: "exponential" | "fixed";
        baseMs: number;
        maxMs?: number | undefined;
      }
    | undefined;
  /** Of one attempt. Default by type */
  timeoutMs?: number | undefined;
  /** RFC 3339: not started by then, the job fails as `expired` */
  expiresAt?: string | Date | undefined;
  tags?: readonly string[] | undefined;
  /** Gets a signed POST with the finished job */
  callbackUrl?: string | undefined;
  /** Groups of one type take turns. At most 900 characters when percent-encoded */
  groupKey?: string | undefined;
  /** What must hold the job before the 202 */
  durability?: "redis" | "postgres" | undefined;
}

export interface JobPatch {
  runAt?: string | Date | null | undefined;
  delayMs?: number | null | undefined;
  priority?: number | null | undefined;
  tags?: readonly string[] | null | undefined;
  expiresAt?: string | Date | null | undefined;
  maxAttempts?: number | null | undefined;
  /** Checked against the type's schema */
  payload?: object | undefined;
}

export interface ListFilters {
  /** Of one of these statuses: waiting, scheduled, queued, running, retrying, completed, failed, cancelled */
  status?: Status | readonly Status[] | undefined;
  /** Of one of these types */
  type?: string | readonly string[] | undefined;
  /** With an error of one of these codes */
  errorCode?: string | readonly string[] | undefined;
  /** Runs one of these jobs again */
  retryOf?: string | readonly string[] | undefined;
  /** Whose latest attempt runs or ran on one of these replicas. This filter has no index: together with `status=running`, the server reads the running jobs only */
  worker?: string | readonly string[] | undefined;
  /** With one of these tags */
  tag?: string | readonly string[] | undefined;
  /** Of one of these groups */
  groupKey?: string | readonly string[] | undefined;
  /** Accepted at this time (RFC 3339) or later */
  createdAfter?: string | Date | undefined;
  /** Accepted before this time */
  createdBefore?: string | Date | undefined;
  /** Finished at this time or later */
  finishedAfter?: string | Date | undefined;
  /** Finished before this time */
  finishedBefore?: string | Date | undefined;
  /** With this text in the payload, secrets redacted, or in the error message, where the letters A to Z match in upper and lower case. This filter has no index: the server searches the jobs that pass the others */
  q?: string | undefined;
  /** Values in the payload by their dotted paths, compared as text: `{ "order.id": "42" }`. This filter has no index: the server searches the jobs that pass the others */
  payload?: Record<string, string> | undefined;
}

export interface ReplayFilters extends ListFilters {
  /** Also jobs that run another one again (`retry_of` names it): without it, repeating a replay does not run its own reruns again */
  includeReplayed?: boolean | undefined;
}

/** The payloads of the built-in types. Add your own by declaration merging. */
export interface Payloads {
  email: EmailPayload;
  webhook: WebhookPayload;
  image_resize: ImageResizePayload;
  data_export: DataExportPayload;
}

export interface EmailPayload {
  to:
    | string
    | {
        name?: string | undefined;
        address: string;
      }
    | readonly (
        | string
        | {
            name?: string | undefined;
            address: string;
          }
      )[];
  /** Optional if `template` has a subject */
  subject?: string | undefined;
  /** The plain text; optional if `html` or `template` is given */
  body?: string | undefined;
  html?: string | undefined;
  /** A template of EMAIL_TEMPLATES_DIR, instead of `body` and `html` */
  template?: string | undefined;
  /** The values that fill the template */
  data?: Record<string, unknown> | undefined;
  /** One address: `jane@example.com`, `Jane Doe <jane@example.com>`, or `{"name": "Jane Doe", "address": "jane@example.com"}`, whose name may be any text of one line */
  from?:
    | string
    | {
        name?: string | undefined;
        address: string;
      }
    | undefined;
  cc?:
    | string
    | {
        name?: string | undefined;
        address: string;
      }
    | readonly (
        | string
        | {
            name?: string | undefined;
            address: string;
          }
      )[]
    | undefined;
  bcc?:
    | string
    | {
        name?: string | undefined;
        address: string;
      }
    | readonly (
        | string
        | {
            name?: string | undefined;
            address: string;
          }
      )[]
    | undefined;
  /** One address: `jane@example.com`, `Jane Doe <jane@example.com>`, or `{"name": "Jane Doe", "address": "jane@example.com"}`, whose name may be any text of one line */
  reply_to?:
    | string
    | {
        name?: string | undefined;
        address: string;
      }
    | undefined;
  /** The sender of the SMTP envelope, which receives bounces. Default: EMAIL_ENVELOPE_FROM, or else the address of `from` */
  envelope_from?: string | undefined;
  headers?: Record<string, string> | undefined;
  /** Sets `List-Unsubscribe`, and `List-Unsubscribe-Post` if there is a `url` */
  list_unsubscribe?:
    | {
        /** An https URL that accepts the POST of a mail client's button (RFC 8058) without further questions */
        url?: string | undefined;
        /** An address that unsubscribes the sender of any message to it */
        mailto?: string | undefined;
      }
    | undefined;
  attachments?:
    | readonly {
        filename: string;
        /** Default: by the extension of `filename` */
        content_type?: string | undefined;
        /** The file itself */
        base64?: string | undefined;
        /** A file that another job produced: JOB_ID/NAME. The API key needs the scope `read` */
        artifact?: string | undefined;
        /** The html of the message shows the file as `cid:CONTENT_ID` */
        content_id?: string | undefined;
        /** The URL of the file, fetched on each attempt; http or https, without credentials */
        url?: string | undefined;
      }[]
    | undefined;
}

export interface WebhookPayload {
  /** An http or https URL without credentials. */
  url: string;
  method?: "POST" | "GET" | "PUT" | "PATCH" | "DELETE" | "HEAD" | undefined;
  /** Sent as they are. Headers of the connection and of the signature (webhook-*) are rejected. */
  headers?: Record<string, string> | undefined;
  /** Any JSON, sent as application/json as it was submitted: every digit, key and escape. Not with GET or HEAD. */
  body?: unknown;
  /** Instead of `body`: text, sent unchanged in UTF-8. The content type is text/plain unless `content_type` is given. */
  body_text?: string | undefined;
  /** Instead of `body`: bytes in base64, sent unchanged. The content type is application/octet-stream unless `content_type` is given. */
  body_base64?: string | undefined;
  /** The content type of the body, instead of its default. Not together with a Content-Type in `headers`. */
  content_type?: string | undefined;
  /** Signs the request. Each secret of a list signs it, so that a secret can be replaced while receivers still know the old one. `whsec_` and then base64 of 24 to 64 bytes, as in Standard Webhooks; the prefix is optional. */
  secret?: string | readonly string[] | undefined;
  /** The time limit of the request, redirects included. Above 30,000 it is also the time limit of the attempt, unless the job has a timeout_ms, which must not be less. */
  timeout_ms?: number | undefined;
  follow_redirects?: number | undefined;
  /** How to handle a followed 303, or a 301 or 302 of a POST: `refuse` ends the job as `redirect_drops_body`, `keep` follows with the same method and body. */
  redirect_body?: "refuse" | "keep" | undefined;
  /** Statuses that are success, instead of 2xx, such as ["2xx", 409]. A single status wins over a class such as 4xx. */
  success_statuses?: readonly (number | string)[] | undefined;
  /** Statuses that are retried, instead of 408, 425, 429 and 5xx. All other statuses are final. */
  retry_statuses?: readonly (number | string)[] | undefined;
}

export interface ImageResizePayload {
  /** The image: a URL to fetch, base64 in the payload, or an artifact of another job. */
  source:
    | {
        /** An http or https URL without credentials. */
        url: string;
      }
    | {
        base64: string;
      }
    | {
        /** JOB_ID/NAME. The API key needs the scope `read` */
        artifact: string;
      };
  /** `truncate` accepts a damaged image as far as it can be decoded, and sets `truncated` in the result. Default fail. */
  on_error?: "fail" | "truncate" | undefined;
  /** In pixels. Without it, it follows from `height`. */
  width?: number | undefined;
  /** In pixels. Without it, it follows from `width`. */
  height?: number | undefined;
  /** How the image meets `width` and `height` when both are given (default cover). Smaller images are enlarged, unless `without_enlargement` is true. */
  fit?: "cover" | "contain" | "inside" | "outside" | "fill" | undefined;
  /** Never scale up: a smaller image keeps its size (`contain` centres it in the box, `cover` crops to what it fills). Default false. */
  without_enlargement?: boolean | undefined;
  /** Default: that of the source (png for a TIFF and for a GIF that is not `animated`, jpeg for HEIC). */
  format?: "jpeg" | "png" | "webp" | "avif" | "gif" | undefined;
  /** Default 80 (avif: 50). With png it reduces the colours to a palette; gif has none. */
  quality?: number | undefined;
  /** The part that `cover` keeps: the middle (default), the most striking part (faces, colours, edges), or the part with most detail. */
  crop?: "center" | "attention" | "entropy" | undefined;
  /** The point that `cover` keeps as near the middle as it can; 0 is left and top, 1 right and bottom. */
  focus?:
    | {
        x: number;
        y: number;
      }
    | undefined;
  /** #rrggbb or #rrggbbaa: the colour of the letterbox of `contain` and behind transparency. Default: transparent; white if the format has no transparency (jpeg, which ignores the last two digits). */
  background?: string | undefined;
  /** The sigma of a Gaussian, in pixels of the output. */
  blur?: number | undefined;
  /** The sigma of the mask, in pixels of the output. */
  sharpen?: number | undefined;
  watermark?:
    | {
        /** JOB_ID/NAME: an image of any supported format; its transparency counts. The API key needs the scope `read`. */
        artifact: string;
        /** Default southeast. */
        position?:
          | "center"
          | "north"
          | "northeast"
          | "east"
          | "southeast"
          | "south"
          | "southwest"
          | "west"
          | "northwest"
          | undefined;
        /** 0 to 1, default 1. */
        opacity?: number | undefined;
        /** The share of the output's width that it takes, at most the output's height (default 0.25). */
        scale?: number | undefined;
      }
    | undefined;
  /** Keep all frames of an animated GIF or WebP; the output is a gif or webp. Default false: the first frame. */
  animated?: boolean | undefined;
  /** `keep` keeps the EXIF and XMP fields that are still true of the output, the location included; `keep_without_location` drops the location (GPS). Default drop. Orientation is applied and colours become sRGB in any case. */
  metadata?: "drop" | "keep" | "keep_without_location" | undefined;
  /** Several outputs, instead of the one that the other fields describe. */
  variants?:
    | readonly {
        /** In pixels. Without it, it follows from `height`. */
        width?: number | undefined;
        /** In pixels. Without it, it follows from `width`. */
        height?: number | undefined;
        /** How the image meets `width` and `height` when both are given (default cover). Smaller images are enlarged, unless `without_enlargement` is true. */
        fit?: "cover" | "contain" | "inside" | "outside" | "fill" | undefined;
        /** Never scale up: a smaller image keeps its size (`contain` centres it in the box, `cover` crops to what it fills). Default false. */
        without_enlargement?: boolean | undefined;
        /** Default: that of the source (png for a TIFF and for a GIF that is not `animated`, jpeg for HEIC). */
        format?: "jpeg" | "png" | "webp" | "avif" | "gif" | undefined;
        /** Default 80 (avif: 50). With png it reduces the colours to a palette; gif has none. */
        quality?: number | undefined;
        /** The part that `cover` keeps: the middle (default), the most striking part (faces, colours, edges), or the part with most detail. */
        crop?: "center" | "attention" | "entropy" | undefined;
        /** The point that `cover` keeps as near the middle as it can; 0 is left and top, 1 right and bottom. */
        focus?:
          | {
              x: number;
              y: number;
            }
          | undefined;
        /** #rrggbb or #rrggbbaa: the colour of the letterbox of `contain` and behind transparency. Default: transparent; white if the format has no transparency (jpeg, which ignores the last two digits). */
        background?: string | undefined;
        /** The sigma of a Gaussian, in pixels of the output. */
        blur?: number | undefined;
        /** The sigma of the mask, in pixels of the output. */
        sharpen?: number | undefined;
        watermark?:
          | {
              /** JOB_ID/NAME: an image of any supported format; its transparency counts. The API key needs the scope `read`. */
              artifact: string;
              /** Default southeast. */
              position?:
                | "center"
                | "north"
                | "northeast"
                | "east"
                | "southeast"
                | "south"
                | "southwest"
                | "west"
                | "northwest"
                | undefined;
              /** 0 to 1, default 1. */
              opacity?: number | undefined;
              /** The share of the output's width that it takes, at most the output's height (default 0.25). */
              scale?: number | undefined;
            }
          | undefined;
        /** Keep all frames of an animated GIF or WebP; the output is a gif or webp. Default false: the first frame. */
        animated?: boolean | undefined;
        /** `keep` keeps the EXIF and XMP fields that are still true of the output, the location included; `keep_without_location` drops the location (GPS). Default drop. Orientation is applied and colours become sRGB in any case. */
        metadata?: "drop" | "keep" | "keep_without_location" | undefined;
      }[]
    | undefined;
}

export interface DataExportPayload {
  format: "csv" | "json" | "ndjson" | "xlsx" | "parquet";
  source:
    | {
        /** Objects; nested values become JSON in a cell. */
        rows: readonly Record<string, unknown>[];
        /** Without `columns`: the columns are the keys of the first row, or of all rows. Default `first`. */
        keys?: "first" | "all" | undefined;
      }
    | {
        /** The name of a query in the operator's folder. */
        query: string;
        params?:
          | Record<string, string | number | boolean | null | readonly (string | number | boolean | null)[]>
          | undefined;
      }
    | {
        /** The filters of the list of jobs. Finished jobs alone, newest first, secrets redacted. */
        jobs: Record<string, string>;
      };
  /** The columns and their order. Default: the columns of the query; for rows, the keys of the first row, or (json, ndjson) each row unchanged. */
  columns?:
    | readonly (
        | string
        | {
            name: string;
            /** The column's name in the file. */
            as?: string | undefined;
            /** Digits after the decimal point: numbers are rounded, or in xlsx shown rounded. */
            decimals?: number | undefined;
            /** The format of a date or time, made of YYYY MM DD HH mm ss SSS. */
            date?: string | undefined;
          }
      )[]
    | undefined;
  /** Only for format csv. */
  csv?:
    | {
        /** Default `,`. */
        delimiter?: "," | ";" | "\t" | "|" | undefined;
        /** A byte order mark, by which spreadsheets recognise UTF-8. Default false. */
        bom?: boolean | undefined;
        /** Default true. */
        header?: boolean | undefined;
        /** The decimal point. Default `.`. */
        decimal?: "." | "," | undefined;
        /** The text for NULL, without quotes. An equal text in a cell is quoted. Default: empty. */
        null?: string | undefined;
        /** Prefixes texts that a spreadsheet would run as formulas with an apostrophe. Set false for programs. Default true. */
        formula_guard?: boolean | undefined;
      }
    | undefined;
  /** Only for format xlsx: the name of the sheet. Default Sheet1. */
  sheet?: string | undefined;
  /** The IANA time zone of the written times. Default UTC. */
  time_zone?: string | undefined;
  /** The same as `compression: gzip`. Default false. */
  gzip?: boolean | undefined;
  /** For csv, json and ndjson. zstd needs Node 22.15 or later. */
  compression?: "gzip" | "zstd" | undefined;
  /** The name of the artifact (default `export`); missing extensions of the format and the compression are added. */
  filename?: string | undefined;
}
