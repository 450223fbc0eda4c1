/**
 * Declares every setting of the program itself: name, type, default, meaning. A job type declares its settings in its
 * definition; config.ts reads both from the environment. setting-readers.ts parses those that a schema alone cannot
 * describe.
 */
import { availableParallelism } from "node:os";
import { Type } from "typebox";

const MIB = 1024 * 1024;

export const DEFAULT_SERVER_ADDR = "127.0.0.1:8080";

export const baseSettings = Type.Object({
  SERVER_ADDR: Type.String({
    default: DEFAULT_SERVER_ADDR,
    description:
      "The address that the server listens on: `host:port`, `[::1]:8080`, or `:8080` for every interface. Where it is not set, `HOST` and `PORT` are read",
  }),
  PROXY_ADDR: Type.String({
    default: "",
    description:
      "A second address to listen on, for proxies and load balancers: it speaks HTTP/1.0 too, and keeps idle connections for 75 s. `host:port` as above. Empty: none",
  }),
  TASKFLOW_ROLE: Type.Enum(["all", "api", "worker"], {
    default: "all",
    description:
      "`api` accepts jobs and runs none, `worker` runs them and serves health and metrics only, `all` does both",
  }),
  REDIS_ADDR: Type.String({
    default: "",
    secret: true,
    description:
      "Redis: `host:port`, or `redis://USER:PASSWORD@HOST:PORT/DATABASE` (`rediss://` for TLS, with `?cafile=FILE` for an authority of your own), or `unix:///PATH`, or by Sentinels `redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/MASTER_NAME/DATABASE` (`rediss+sentinel://`). Where it is not set, `REDIS_URL` is read. Empty: TaskFlow starts one",
  }),
  REDIS_NAMESPACE: Type.String({
    default: "taskflow:0",
    pattern: "^[A-Za-z0-9._:-]+$",
    expected: "letters, digits and . _ : -",
    description:
      "The prefix of all keys in Redis, which is their hash tag too. The replicas of one installation share it",
  }),
  DATABASE_URL: Type.String({
    default: "",
    secret: true,
    description: "Postgres: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. Empty: TaskFlow starts one",
  }),
  SMTP_URL: Type.String({
    default: "",
    secret: true,
    description:
      "The mail server: `smtp://USER:PASSWORD@HOST:PORT`, or `smtps://` for TLS from the start. Empty: TaskFlow starts a mail catcher",
  }),
  DATA_DIR: Type.String({
    default: "./data",
    minLength: 1,
    description: "The folder for the data of the services that TaskFlow starts itself: Redis, Postgres, caught mail",
  }),
  WORKER_COUNT: Type.Integer({
    default: availableParallelism(),
    minimum: 1,
    description: "Pool threads for CPU-bound jobs",
    defaultText: "number of cores", // the table is the same on every machine
  }),
  PAYLOAD_MEMORY_MB: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 1_000_000,
    description:
      "The memory in MiB that payloads over 32 KiB of the jobs running on one replica may take together; a single job may take more. 0: a tenth of the memory available to the process, between 16 and 256",
  }),
  IO_SLOTS: Type.Integer({
    default: 200,
    minimum: 1,
    maximum: 100_000,
    description: "I/O-bound jobs that one replica runs at the same time",
  }),
  WORKER_TYPES: Type.String({
    default: "",
    description: "The job types that this replica runs, separated by commas. Empty: all",
  }),
  TASKFLOW_JOBS: Type.String({
    default: "",
    description: "A folder with job types of your own, one `.js`, `.mjs` or `.ts` file each. Empty: none",
  }),
  SCHEDULES_DIR: Type.String({
    default: "",
    description:
      "A folder with schedules: each file `NAME.json` has the body of `PUT /api/v1/schedules/NAME`. A replica applies them when it starts, and removes schedules whose files are gone. Empty: none",
  }),
  TASKFLOW_AUTH: Type.Enum(["", "none"], {
    default: "",
    description: "`none` serves everyone without a key; empty: while there are no keys, only this machine is served",
  }),
  TASKFLOW_API_KEYS: Type.String({
    default: "",
    secret: true,
    description:
      "API keys, separated by commas: `NAME:SCOPES:SHA256`, the scopes being `submit`, `read` and `admin`, joined by `+`, then `:rate=100/s` and `:quota=100000/d` for a key with its own limits. `taskflow keys` manages further keys in Postgres",
  }),
  RATE_LIMIT: Type.String({
    default: "",
    description: "Requests that each API key may make, such as `100/s` or `1000/5m`. Empty: no limit",
  }),
  JOB_QUOTA: Type.String({
    default: "",
    description: "Jobs that each API key may submit, such as `100000/d`. Empty: no limit",
  }),
  JOB_BYTES_QUOTA: Type.String({
    default: "",
    description: "Payload bytes that each API key may submit, such as `1000000000/d`. Empty: no limit",
  }),
  CORS_ORIGINS: Type.String({
    default: "",
    description:
      "Origins of web pages that may call the API from a browser, separated by commas, or `*` where keys are required. Empty: none",
  }),
  ALLOWED_HOSTS: Type.String({
    default: "",
    description:
      "Host names that requests without a key may use beside `localhost`, separated by commas, such as `jobs.example.com`, `*.example.com` or `*`. Empty: none",
  }),
  DASHBOARD: Type.Enum(["full", "read", "off"], {
    default: "full",
    description:
      "What the dashboard, and the users of an auth proxy, may do: everything, or only `read`; `off`: there is no dashboard, and `DASHBOARD_USER_HEADER` authenticates nobody",
  }),
  DASHBOARD_LABEL: Type.String({
    default: "",
    description: "A text that the dashboard shows to tell environments apart, such as `staging`: at most 40 characters",
  }),
  DASHBOARD_USER_HEADER: Type.String({
    default: "",
    description:
      "The header in which an auth proxy names the user, such as `X-Auth-Request-Email`. It counts only from `TRUSTED_PROXIES`, which must be set too. Empty: none",
  }),
  TRUSTED_PROXIES: Type.String({
    default: "",
    description:
      "Addresses and networks of the proxies that may name a user, separated by commas, such as `127.0.0.1,10.1.0.0/16,fd00::/8`: everything that connects from there can act as any user. Empty: none",
  }),
  LOG_LEVEL: Type.Enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"], {
    default: "info",
    description: "The lowest level that is logged",
  }),
  LOG_FORMAT: Type.Enum(["", "json", "pretty"], {
    default: "",
    defaultText: "pretty on a terminal, else json",
    description:
      "The lines of the log: `json`, one object each, for machines, or `pretty`, for people; coloured on a terminal, unless `NO_COLOR` is set",
  }),
  LEASE_MS: Type.Integer({
    default: 15_000,
    minimum: 1_000,
    maximum: 3_600_000,
    description:
      "How long a job stays leased to a replica that no longer responds. Replicas renew their leases every third of this time",
  }),
  DRAIN_MS: Type.Integer({
    default: 30_000,
    minimum: 0,
    maximum: 3_600_000,
    description: "How long running jobs may continue after SIGTERM; then the replica releases them for others",
  }),
  SHUTDOWN_DELAY_MS: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 600_000,
    description:
      "How long a replica still serves all requests after SIGTERM, while `/api/v1/health/ready` answers 503 and before it drains: set it longer than your load balancer takes to notice. 0: it drains at once",
  }),
  CLAIM_LIMIT: Type.Integer({
    default: 500,
    minimum: 1,
    maximum: 1_000,
    description: "The most jobs that one call claims from Redis",
  }),
  RECORD_BATCH_ROWS: Type.Integer({
    default: 2_000,
    minimum: 1,
    maximum: 100_000,
    description: "The most rows that one COPY writes to Postgres",
  }),
  RECORD_HIGH_MARK: Type.Integer({
    default: 20_000,
    minimum: 1,
    maximum: 10_000_000,
    description: "The number of outcomes not yet in Postgres at which a replica stops claiming jobs",
  }),
  RETENTION_DAYS: Type.Integer({
    default: 30,
    minimum: 1,
    maximum: 36_500,
    description: "How long finished jobs are kept",
  }),
  ACCEPT_DURABILITY: Type.Enum(["redis", "postgres"], {
    default: "redis",
    description:
      "Where a job must be stored before its submission is answered with 202, unless the submission chooses itself",
  }),
  SUBMIT_TIMEOUT_MS: Type.Integer({
    default: 2_000,
    minimum: 100,
    maximum: 60_000,
    description: "How long a submission waits for Redis before it is answered with 503",
  }),
  IDEMPOTENCY_TTL: Type.Integer({
    unit: "seconds",
    default: 86_400,
    minimum: 1,
    maximum: 31_536_000,
    description: "How long an Idempotency-Key is remembered",
  }),
  CALLBACK_SECRET: Type.String({
    default: "",
    secret: true,
    description:
      "The secret that signs callbacks, by the Standard Webhooks scheme: `whsec_` and base64 of 24 to 64 bytes; up to five, separated by spaces, while you rotate them. Empty: callbacks are not signed",
  }),
  ARTIFACT_LINK_SECRET: Type.String({
    default: "",
    secret: true,
    description:
      "The secret that signs download links of artifacts: at least 32 characters; up to five, separated by spaces, while you rotate them. Empty: there are no such links",
  }),
  ARTIFACT_LINK_TTL: Type.Integer({
    unit: "seconds",
    default: 86_400,
    minimum: 1,
    maximum: 31_536_000,
    description: "How long a signed download link is valid",
  }),
  PUBLIC_URL: Type.String({
    default: "",
    description:
      "The URL by which callers reach this installation, such as `https://jobs.example.com` or `https://example.com/taskflow`. Download links begin with it, `Location` headers with its path, and with `TASKFLOW_AUTH=none` its host and origin are allowed. Empty: links begin with their path",
  }),
  MAX_BODY_BYTES: Type.Integer({
    default: MIB,
    minimum: 1_024,
    maximum: 256 * MIB,
    description: "The most bytes of a request with one job; a job type may allow more for itself",
  }),
  MAX_BATCH_BYTES: Type.Integer({
    default: 16 * MIB,
    minimum: 1_024,
    maximum: 256 * MIB,
    description: "The most bytes of a batch request",
  }),
  RETRY_BASE_MS: Type.Union([Type.Integer({ minimum: 1, maximum: 86_400_000 }), Type.Null()], {
    default: null,
    description: "The delay before the first retry, in place of each job type's own. Empty: by type",
  }),
  RETRY_MAX_MS: Type.Union([Type.Integer({ minimum: 1, maximum: 86_400_000 }), Type.Null()], {
    default: null,
    description: "The longest delay before a retry, in place of each job type's own. Empty: by type",
  }),
});
