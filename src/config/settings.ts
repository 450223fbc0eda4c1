/**
 * Every setting of the program itself: name, type, default, meaning. A job type brings its own in its definition;
 * config.ts reads both from the environment. Values that need more than a schema are parsed there.
 */
import { availableParallelism } from "node:os";
import { Type } from "typebox";

const MIB = 1024 * 1024;

export const baseSettings = Type.Object({
  SERVER_ADDR: Type.String({
    default: "127.0.0.1:8080",
    description: "Where HTTP is served: `host:port`, `[::1]:8080`, or `:8080` for every interface",
  }),
  PROXY_ADDR: Type.String({
    default: "",
    description:
      "A second place where HTTP is served, for proxies and balancers: it speaks HTTP/1.0 too, and keeps idle connections for 75 s. `host:port` as above. Empty: none",
  }),
  TASKFLOW_ROLE: Type.Enum(["all", "api", "worker"], {
    default: "all",
    description:
      "`api` takes jobs and runs none, `worker` runs them and serves health and metrics only, `all` does both",
  }),
  REDIS_ADDR: Type.String({
    default: "",
    isSecret: true,
    description:
      "Redis: `host:port`, or `redis://USER:PASSWORD@HOST:PORT/DATABASE` (`rediss://` for TLS, with `?cafile=FILE` for an authority of your own), or `unix:///PATH`, or by Sentinels `redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/MASTER_NAME/DATABASE` (`rediss+sentinel://`). Empty: one is started here",
  }),
  REDIS_NAMESPACE: Type.String({
    default: "taskflow:0",
    pattern: "^[A-Za-z0-9._:-]+$",
    expected: "letters, digits and . _ : -",
    description: "What the keys in Redis begin with, as their hash tag. Replicas of one installation share it",
  }),
  DATABASE_URL: Type.String({
    default: "",
    isSecret: true,
    description: "Postgres: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. Empty: one is started here",
  }),
  SMTP_URL: Type.String({
    default: "",
    isSecret: true,
    description:
      "The mail server: `smtp://USER:PASSWORD@HOST:PORT`, or `smtps://` for TLS from the start. Empty: a mail catcher is started here",
  }),
  DATA_DIR: Type.String({
    default: "./data",
    minLength: 1,
    description: "The folder of what is started here: Redis, Postgres, caught mail",
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
      "MiB of payloads of more than 32 KiB that the jobs running on one replica may have together; one job alone may have more. 0: a tenth of the memory that the process may use, from 16 to 256",
  }),
  IO_SLOTS: Type.Integer({
    default: 200,
    minimum: 1,
    maximum: 100_000,
    description: "I/O-bound jobs that one replica runs at once",
  }),
  WORKER_TYPES: Type.String({
    default: "",
    description: "The job types that this replica runs, with commas between. Empty: all",
  }),
  TASKFLOW_JOBS: Type.String({
    default: "",
    description: "A folder with job types of your own, one file each. Empty: none",
  }),
  TASKFLOW_AUTH: Type.Enum(["", "none"], {
    default: "",
    description: "`none` serves everyone without a key; empty: without keys only this machine is served",
  }),
  TASKFLOW_API_KEYS: Type.String({
    default: "",
    isSecret: true,
    description:
      "API keys, with commas between: `NAME:SCOPES:SHA256`, scopes being `submit`, `read` and `admin` with `+` between, then `:rate=100/s` and `:quota=100000/d` where it has limits of its own. `taskflow keys` keeps others in Postgres",
  }),
  RATE_LIMIT: Type.String({
    default: "",
    description: "Requests that each API key may make, as in `100/s` or `1000/5m`. Empty: any number",
  }),
  JOB_QUOTA: Type.String({
    default: "",
    description: "Jobs that each API key may submit, as in `100000/d`. Empty: any number",
  }),
  JOB_BYTES_QUOTA: Type.String({
    default: "",
    description: "Bytes of payloads that each API key may submit, as in `1000000000/d`. Empty: any number",
  }),
  CORS_ORIGINS: Type.String({
    default: "",
    description:
      "Origins of pages that may call from a browser, with commas between, or `*` where keys are required. Empty: none",
  }),
  ALLOWED_HOSTS: Type.String({
    default: "",
    description:
      "Without keys: names by which this server may be called beside `localhost`, with commas between, as in `jobs.example.com`, `*.example.com` or `*`. Empty: none",
  }),
  LOG_LEVEL: Type.Enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"], {
    default: "info",
    description: "The least level that is logged",
  }),
  LEASE_MS: Type.Integer({
    default: 15_000,
    minimum: 1_000,
    maximum: 3_600_000,
    description: "How long a job stays with a replica that no longer answers. Renewed at every third of it",
  }),
  DRAIN_MS: Type.Integer({
    default: 30_000,
    minimum: 0,
    maximum: 3_600_000,
    description: "How long running jobs may go on after SIGTERM; then they are given back",
  }),
  SHUTDOWN_DELAY_MS: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 600_000,
    description:
      "How long a replica serves on after SIGTERM, submissions included, while `/api/v1/health/ready` answers 503 and before it drains: longer than balancers take to notice. 0: it drains at once",
  }),
  CLAIM_LIMIT: Type.Integer({
    default: 500,
    minimum: 1,
    maximum: 1_000,
    description: "Jobs taken from Redis in one call, at most",
  }),
  RECORD_BATCH_ROWS: Type.Integer({
    default: 2_000,
    minimum: 1,
    maximum: 100_000,
    description: "Rows written to Postgres in one COPY, at most",
  }),
  RECORD_HIGH_MARK: Type.Integer({
    default: 20_000,
    minimum: 1,
    maximum: 10_000_000,
    description: "Outcomes not yet in Postgres at which a replica stops taking jobs",
  }),
  RETENTION_DAYS: Type.Integer({
    default: 30,
    minimum: 1,
    maximum: 36_500,
    description: "Days that finished jobs are kept",
  }),
  ACCEPT_DURABILITY: Type.Enum(["redis", "postgres"], {
    default: "redis",
    description: "What must hold a job before it is answered with 202, unless the job says so itself",
  }),
  SUBMIT_TIMEOUT_MS: Type.Integer({
    default: 2_000,
    minimum: 100,
    maximum: 60_000,
    description: "How long a submission waits for Redis before it is answered with 503",
  }),
  IDEMPOTENCY_TTL: Type.Integer({
    default: 86_400,
    minimum: 1,
    maximum: 31_536_000,
    description: "Seconds that an Idempotency-Key is remembered",
  }),
  CALLBACK_SECRET: Type.String({
    default: "",
    isSecret: true,
    description:
      "What callbacks are signed with, by the Standard Webhooks scheme: `whsec_` and base64 of 24 to 64 bytes; up to five with spaces between, while one replaces another. Empty: they are not signed",
  }),
  ARTIFACT_LINK_SECRET: Type.String({
    default: "",
    isSecret: true,
    description:
      "What links to download artifacts are signed with: at least 32 characters; up to five secrets with spaces between, while one replaces another. Empty: there are no such links",
  }),
  ARTIFACT_LINK_TTL: Type.Integer({
    default: 86_400,
    minimum: 1,
    maximum: 31_536_000,
    description: "Seconds that a signed download link holds",
  }),
  PUBLIC_URL: Type.String({
    default: "",
    description:
      "Where callers reach this installation, such as `https://jobs.example.com` or `https://example.com/taskflow`: what download links begin with, its path what `Location` does, and with `TASKFLOW_AUTH=none` a host and origin of its own. Empty: links begin with their path",
  }),
  MAX_BODY_BYTES: Type.Integer({
    default: MIB,
    minimum: 1_024,
    maximum: 256 * MIB,
    description: "Bytes of one job's request, at most; a type may allow itself more",
  }),
  MAX_BATCH_BYTES: Type.Integer({
    default: 16 * MIB,
    minimum: 1_024,
    maximum: 256 * MIB,
    description: "Bytes of a batch request, at most",
  }),
  RETRY_BASE_MS: Type.Union([Type.Integer({ minimum: 1, maximum: 86_400_000 }), Type.Null()], {
    default: null,
    description: "Delay before the first retry, in place of each type's own. Empty: by type",
  }),
  RETRY_MAX_MS: Type.Union([Type.Integer({ minimum: 1, maximum: 86_400_000 }), Type.Null()], {
    default: null,
    description: "Longest delay before a retry, in place of each type's own. Empty: by type",
  }),
});
