/**
 * The types of the API. Generated from the schemas by which the server validates, do not edit:
 * `UPDATE_CLIENT=1 npx vitest run src/client/contract.test.ts` writes this file, and that test fails where it differs.
 */

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
  /** The return value of the type's handler; null until the job has completed */
  result: unknown;
  error: JobError | null;
  /** The number of attempts, including the running one; attempts that were postponed or lost are not counted */
  attempt: number;
  max_attempts: number;
  progress: number | null;
  tags: string[];
  /** The job that this one runs again */
  retry_of: string | null;
  /** The replica that runs or ran the latest attempt */
  worker: string | null;
  /** The earliest start */
  run_at: string | null;
  /** RFC 3339, in UTC */
  created_at: string;
  /** The start of the latest attempt */
  started_at: string | null;
  finished_at: string | null;
}

export type Status = "scheduled" | "queued" | "running" | "retrying" | "completed" | "failed" | "cancelled";

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
  depth: number;
  oldest_wait_ms: number | null;
  scheduled: number;
  retrying: number;
  running: number;
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

export interface ListFilters {
  status?: Status | undefined;
  type?: string | undefined;
  tag?: string | undefined;
  groupKey?: string | undefined;
  errorCode?: string | undefined;
  /** Created at this time or later */
  createdAfter?: string | Date | undefined;
  /** Created before this time */
  createdBefore?: string | Date | undefined;
}

export interface ReplayFilters {
  status?: "failed" | "cancelled" | "completed" | undefined;
  type?: string | undefined;
  tag?: string | undefined;
  groupKey?: string | undefined;
  errorCode?: string | undefined;
  /** RFC 3339, in UTC */
  createdAfter?: string | Date | undefined;
  /** RFC 3339, in UTC */
  createdBefore?: string | Date | undefined;
  /** Also jobs that run another one again (`retry_of` names it): without it, a replay repeated does not run its own copies again */
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
  /** May be left out where `template` has one */
  subject?: string | undefined;
  /** The plain text; may be left out only where `html` or `template` is given */
  body?: string | undefined;
  html?: string | undefined;
  /** A template of EMAIL_TEMPLATES_DIR, in place of `body` and `html` */
  template?: string | undefined;
  /** What the template is filled with */
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
  /** Where bounces go, the sender of the SMTP envelope. Default: EMAIL_ENVELOPE_FROM, else the address of `from` */
  envelope_from?: string | undefined;
  headers?: Record<string, string> | undefined;
  /** Sets `List-Unsubscribe`, and `List-Unsubscribe-Post` where there is a `url` */
  list_unsubscribe?:
    | {
        /** An https URL that takes the POST of a mail client's button (RFC 8058): it must not ask anything */
        url?: string | undefined;
        /** An address that unsubscribes whoever writes to it */
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
        /** A file that another job produced: JOB_ID/NAME. It needs a key with the scope `read` */
        artifact?: string | undefined;
        /** Makes it part of the html, which shows it as `cid:CONTENT_ID` */
        content_id?: string | undefined;
        /** Where the file is fetched from with each attempt; http or https, without credentials */
        url?: string | undefined;
      }[]
    | undefined;
}

export interface WebhookPayload {
  /** An http or https URL without credentials. */
  url: string;
  method?: "POST" | "GET" | "PUT" | "PATCH" | "DELETE" | "HEAD" | undefined;
  /** Sent as they are. Headers of the connection and of the signature (webhook-*) are refused. */
  headers?: Record<string, string> | undefined;
  /** Any JSON, sent as application/json as it was submitted: every digit, key and escape. Not with GET or HEAD. */
  body?: unknown;
  /** In place of `body`: a text, sent in UTF-8 as it is, as text/plain unless content_type says otherwise. */
  body_text?: string | undefined;
  /** In place of `body`: bytes in base64, sent as they are, as application/octet-stream unless content_type says otherwise. */
  body_base64?: string | undefined;
  /** Of the body, in place of its default. Not together with a Content-Type in `headers`. */
  content_type?: string | undefined;
  /** Signs the request; of a list, each does, so that a secret can be replaced while receivers still know the old one. `whsec_` and then base64 of 24 to 64 bytes, as Standard Webhooks has it; the prefix may be left out. */
  secret?: string | readonly string[] | undefined;
  /** Of the request, redirects included. Above 30,000 it is the time of the attempt as well, unless the job has a timeout_ms, which must not be less. */
  timeout_ms?: number | undefined;
  follow_redirects?: number | undefined;
  /** What a followed 303, or a 301 or 302 of a POST, does: it ends the job as `redirect_drops_body`, or is followed with the same method and body. */
  redirect_body?: "refuse" | "keep" | undefined;
  /** Statuses that are success, in place of 2xx, such as ["2xx", 409]. A single status wins over a class such as 4xx. */
  success_statuses?: readonly (number | string)[] | undefined;
  /** Statuses that are retried, in place of 408, 425, 429 and 5xx. All that is neither success nor retried is final. */
  retry_statuses?: readonly (number | string)[] | undefined;
}

export interface ImageResizePayload {
  /** The image: to be fetched, in the payload itself, or what another job produced. */
  source:
    | {
        /** An http or https URL without credentials. */
        url: string;
      }
    | {
        base64: string;
      }
    | {
        /** JOB_ID/NAME. It needs a key with the scope `read` */
        artifact: string;
      };
  /** `truncate` takes a damaged image as far as it can be decoded, and marks the result `truncated`. Default fail. */
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
  /** What `cover` keeps: the middle (default), what draws attention (faces, colours, edges), or what has most detail. */
  crop?: "center" | "attention" | "entropy" | undefined;
  /** The point that `cover` keeps as near the middle as it can; 0 is left and top, 1 right and bottom. */
  focus?:
    | {
        x: number;
        y: number;
      }
    | undefined;
  /** #rrggbb or #rrggbbaa: what `contain` letterboxes with and what shows through transparency. Default: transparent; white where the format knows no transparency (jpeg, which ignores the last two digits). */
  background?: string | undefined;
  /** The sigma of a Gaussian, in pixels of the output. */
  blur?: number | undefined;
  /** The sigma of the mask, in pixels of the output. */
  sharpen?: number | undefined;
  watermark?:
    | {
        /** JOB_ID/NAME: an image of any format that is read; its transparency counts. It needs a key with the scope `read`. */
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
  /** `keep` keeps what EXIF and XMP say that is true of the output, the place where it was taken included; `keep_without_location` all but that place (GPS). Default drop. Orientation is applied and colours become sRGB in any case. */
  metadata?: "drop" | "keep" | "keep_without_location" | undefined;
  /** Several outputs, in place of the one that the fields beside it describe. */
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
        /** What `cover` keeps: the middle (default), what draws attention (faces, colours, edges), or what has most detail. */
        crop?: "center" | "attention" | "entropy" | undefined;
        /** The point that `cover` keeps as near the middle as it can; 0 is left and top, 1 right and bottom. */
        focus?:
          | {
              x: number;
              y: number;
            }
          | undefined;
        /** #rrggbb or #rrggbbaa: what `contain` letterboxes with and what shows through transparency. Default: transparent; white where the format knows no transparency (jpeg, which ignores the last two digits). */
        background?: string | undefined;
        /** The sigma of a Gaussian, in pixels of the output. */
        blur?: number | undefined;
        /** The sigma of the mask, in pixels of the output. */
        sharpen?: number | undefined;
        watermark?:
          | {
              /** JOB_ID/NAME: an image of any format that is read; its transparency counts. It needs a key with the scope `read`. */
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
        /** `keep` keeps what EXIF and XMP say that is true of the output, the place where it was taken included; `keep_without_location` all but that place (GPS). Default drop. Orientation is applied and colours become sRGB in any case. */
        metadata?: "drop" | "keep" | "keep_without_location" | undefined;
      }[]
    | undefined;
}

export interface DataExportPayload {
  format: "csv" | "json" | "ndjson" | "xlsx" | "parquet";
  source:
    | {
        /** Objects; what is nested becomes JSON in a cell. */
        rows: readonly Record<string, unknown>[];
        /** Without `columns`: the columns are the keys of the first row, or of all rows. Default `first`. */
        keys?: "first" | "all" | undefined;
      }
    | {
        /** The name of a query that the operator placed. */
        query: string;
        params?:
          | Record<string, string | number | boolean | null | readonly (string | number | boolean | null)[]>
          | undefined;
      }
    | {
        /** The filters of the list of jobs. Finished jobs alone, newest first, secrets redacted. */
        jobs: {
          status?: "completed" | "failed" | "cancelled" | undefined;
          type?: string | undefined;
          tag?: string | undefined;
          group_key?: string | undefined;
          error_code?: string | undefined;
          created_after?: string | undefined;
          created_before?: string | undefined;
        };
      };
  /** Which columns, in which order. Default: the query's; of rows the keys of the first one, or (json, ndjson) each row as it is. */
  columns?:
    | readonly (
        | string
        | {
            name: string;
            /** The column's name in the file. */
            as?: string | undefined;
            /** Digits behind the point: a number is rounded, in xlsx shown so. */
            decimals?: number | undefined;
            /** How a date or time is written, of YYYY MM DD HH mm ss SSS. */
            date?: string | undefined;
          }
      )[]
    | undefined;
  /** Of format csv alone. */
  csv?:
    | {
        /** Default `,`. */
        delimiter?: "," | ";" | "\t" | "|" | undefined;
        /** A byte order mark, by which spreadsheets know UTF-8. Default false. */
        bom?: boolean | undefined;
        /** Default true. */
        header?: boolean | undefined;
        /** The decimal point. Default `.`. */
        decimal?: "." | "," | undefined;
        /** What NULL is written as, without quotes. A text that equals it is quoted. Default: nothing. */
        null?: string | undefined;
        /** Texts that a spreadsheet would run as formulas get an apostrophe before them. False for machine readers. Default true. */
        formula_guard?: boolean | undefined;
      }
    | undefined;
  /** Of format xlsx alone: the name of the sheet. Default Sheet1. */
  sheet?: string | undefined;
  /** IANA: the zone that times are written in. Default UTC. */
  time_zone?: string | undefined;
  /** The same as `compression: gzip`. Default false. */
  gzip?: boolean | undefined;
  /** Of csv, json and ndjson. zstd needs Node 22.15 or later. */
  compression?: "gzip" | "zstd" | undefined;
  /** The name of the artifact (default `export`); the extensions of the format and of its compression are added where missing. */
  filename?: string | undefined;
}
