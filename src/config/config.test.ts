import { availableParallelism } from "node:os";
import type { TObject } from "typebox";
import { Type } from "typebox";
import { describe, expect, it } from "vitest";
import { UsageError } from "../errors.ts";
import { loadConfig } from "./config.ts";

const email = Type.Object({
  SMTP_URL: Type.String({ default: "" }),
  SMTP_CONNECTIONS: Type.Integer({ minimum: 1, maximum: 100, default: 5 }),
  SMTP_RATE: Type.Number({ default: 1.5 }),
  OUTBOUND_ALLOW_PRIVATE: Type.Boolean({ default: false }),
  IMAGE_FIT: Type.Enum(["cover", "contain"], { default: "cover" }),
});

/** The lines of the error that an environment causes; empty if the environment is valid. */
function issuesOf(env: Record<string, string>, typeSettings: readonly TObject[] = [email]): string[] {
  try {
    loadConfig(env, typeSettings);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as UsageError).message.split("\n");
  }
}

describe("the program's settings", () => {
  it("have defaults in an empty environment, and are frozen", () => {
    const config = loadConfig({}, []);
    expect(config).toMatchObject({
      SERVER_ADDR: { host: "127.0.0.1", port: 8080 },
      REDIS_ADDR: null,
      DATABASE_URL: "",
      WORKER_COUNT: availableParallelism(),
      WORKER_TYPES: [],
      LEASE_MS: 15_000,
      MAX_BODY_BYTES: 1_048_576,
      RETRY_BASE_MS: null,
      REDIS_NAMESPACE: "taskflow:0",
    });
    expect(Object.values(config).filter((value) => value === undefined)).toEqual([]);
    expect([config, config.typeSettings, config.WORKER_TYPES].every(Object.isFrozen)).toBe(true);
  });

  it("are read from the environment", () => {
    const env = {
      SERVER_ADDR: ":9000",
      REDIS_ADDR: "rediss://app:p%40ss@cache.internal/3",
      DATABASE_URL: "postgresql://u:p@db/taskflow",
      SMTP_URL: "smtps://mail.example.com",
      WORKER_COUNT: " 4 ",
      WORKER_TYPES: "email, webhook,email",
      TASKFLOW_ROLE: "worker",
      TASKFLOW_AUTH: "none",
      RETRY_BASE_MS: "50",
      LOG_LEVEL: "",
    };
    expect(loadConfig(env, [])).toMatchObject({
      SERVER_ADDR: { host: "", port: 9000 },
      REDIS_ADDR: { host: "cache.internal", port: 6379, url: "rediss://app:p%40ss@cache.internal/3" },
      DATABASE_URL: "postgresql://u:p@db/taskflow",
      SMTP_URL: "smtps://mail.example.com",
      WORKER_COUNT: 4,
      WORKER_TYPES: ["email", "webhook"],
      TASKFLOW_ROLE: "worker",
      TASKFLOW_AUTH: "none",
      RETRY_BASE_MS: 50,
      LOG_LEVEL: "info",
    });
  });

  it("lists every issue on its own line", () => {
    const env = {
      WORKER_COUNT: "many",
      IO_SLOTS: "0",
      CLAIM_LIMIT: "1001",
      LEASE_MS: "1e4",
      TASKFLOW_ROLE: "boss",
      SERVER_ADDR: "8080",
      WORKER_TYPES: "email,,x",
      RETRY_MAX_MS: "0",
    };
    expect(issuesOf(env)).toEqual([
      'SERVER_ADDR: expected host:port, [::1]:8080 or :8080, got "8080"',
      'TASKFLOW_ROLE: expected "all", "api" or "worker", got "boss"',
      'WORKER_COUNT: expected integer >= 1, got "many"',
      'IO_SLOTS: expected integer from 1 to 100000, got "0"',
      'WORKER_TYPES: expected names of job types, separated by commas, got "email,,x"',
      'LEASE_MS: expected milliseconds from 1000 to 3600000, or a duration from 1s to 1h, such as 500ms or 15s, got "1e4"',
      'CLAIM_LIMIT: expected integer from 1 to 1000, got "1001"',
      'RETRY_MAX_MS: expected milliseconds from 1 to 86400000, or a duration from 1ms to 1d, such as 500ms or 15s, got "0"',
    ]);
  });

  it("accepts durations, and converts them to the unit of the setting", () => {
    const env = {
      LEASE_MS: "30s",
      DRAIN_MS: " 1m ",
      RETENTION_DAYS: "48h",
      IDEMPOTENCY_TTL: "2h",
      RETRY_BASE_MS: "1h30m",
    };
    expect(loadConfig(env, [])).toMatchObject({
      LEASE_MS: 30_000,
      DRAIN_MS: 60_000,
      RETENTION_DAYS: 2,
      IDEMPOTENCY_TTL: 7_200,
      RETRY_BASE_MS: 5_400_000,
    });
    expect(issuesOf({ RETENTION_DAYS: "36h", IDEMPOTENCY_TTL: "500ms", LEASE_MS: "2h", CLAIM_LIMIT: "1s" })).toEqual([
      expect.stringMatching(/^LEASE_MS: expected milliseconds .* got "2h"$/),
      'CLAIM_LIMIT: expected integer from 1 to 1000, got "1s"',
      'RETENTION_DAYS: expected days from 1 to 36500, or a duration from 1d to 36500d, such as 30d, got "36h"',
      'IDEMPOTENCY_TTL: expected seconds from 1 to 31536000, or a duration from 1s to 365d, such as 90s or 2h, got "500ms"',
    ]);
  });

  it("rejects settings that contradict each other", () => {
    expect(
      issuesOf({ RECORD_BATCH_ROWS: "5000", RECORD_HIGH_MARK: "100", RETRY_BASE_MS: "1000", RETRY_MAX_MS: "10" }),
    ).toEqual([
      'RECORD_HIGH_MARK: expected at least RECORD_BATCH_ROWS (5000), got "100"',
      'RETRY_MAX_MS: expected at least RETRY_BASE_MS (1000), got "10"',
    ]);
  });

  it("rejects CORS_ORIGINS=* on a server without keys", () => {
    expect(issuesOf({ TASKFLOW_AUTH: "none", CORS_ORIGINS: "https://app.example.com,*" })).toEqual([
      expect.stringMatching(/^CORS_ORIGINS: \* without API keys .* create keys/),
    ]);
    expect(loadConfig({ CORS_ORIGINS: "*" }, []).CORS_ORIGINS).toEqual(["*"]); // Postgres may store keys
  });

  it("reads the host names of the server", () => {
    expect(loadConfig({ ALLOWED_HOSTS: "Jobs.example.com, *.svc.cluster.local" }, []).ALLOWED_HOSTS).toEqual([
      "jobs.example.com",
      "*.svc.cluster.local",
    ]);
    expect(issuesOf({ ALLOWED_HOSTS: "http://jobs.example.com", PUBLIC_URL: "http://a b" })).toEqual([
      expect.stringMatching(/^ALLOWED_HOSTS: expected names without a port/),
      expect.stringMatching(/^PUBLIC_URL: expected a URL/),
    ]);
  });

  it("rejects an unknown TASKFLOW_ variable, but not the command's variables or those that Kubernetes sets for a service of that name", () => {
    expect(issuesOf({ TASKFLOW_ROEL: "api", OTHER: "x" })).toEqual([
      "TASKFLOW_ROEL: no setting has this name; there are TASKFLOW_ROLE, TASKFLOW_JOBS, TASKFLOW_AUTH, TASKFLOW_API_KEYS",
    ]);
    expect(issuesOf({ TASKFLOW_URL: "http://127.0.0.1:8080", TASKFLOW_API_KEY: "tf_x" })).toEqual([]);
    expect(
      issuesOf({
        TASKFLOW_SERVICE_HOST: "10.0.0.1",
        TASKFLOW_API_PORT: "tcp://10.0.0.1:8080",
        TASKFLOW_PORT_8080_TCP_ADDR: "10.0.0.1",
        TASKFLOW_SERVICE_PORT_HTTP: "80",
      }),
    ).toEqual([]);
  });

  it.each([
    ["REDIS_ADDR", "redis://:hunter2@[broken"],
    ["REDIS_ADDR", "rediss://app:hun/ter2@cache:6379"],
    ["DATABASE_URL", "mysql://root:hunter2@db/x"],
    ["DATABASE_URL", "https://db/x?password=hunter2"],
    ["REDIS_ADDR", "rediss://app:hun?ter2@cache:6379"],
    ["REDIS_ADDR", "cache:hunter2"],
    ["SMTP_URL", "smtp//user:hunter2@mail"],
  ])("does not show a secret: %s", (name, value) => {
    const issues = issuesOf({ [name]: value });
    expect(issues).toHaveLength(1);
    expect(issues[0]).toContain(`${name}: expected `);
    expect(issues[0]).toMatch(/, got a value that is not shown$/);
    expect(issues[0]).not.toMatch(/hunter2|ter2/);
  });
});

describe("the settings of job types", () => {
  it("are read by their schema, together with the program's settings", () => {
    const { typeSettings, SMTP_URL } = loadConfig(
      {
        SMTP_URL: "smtp://mail:25",
        SMTP_CONNECTIONS: "7",
        SMTP_RATE: "0.25",
        OUTBOUND_ALLOW_PRIVATE: "TRUE",
        IMAGE_FIT: "contain",
      },
      [
        email,
        Type.Object({ SMTP_CONNECTIONS: Type.Integer({ default: 5 }) }),
        Type.Object({ NOTE: Type.Optional(Type.String()) }),
      ],
    );
    expect(SMTP_URL).toBe("smtp://mail:25");
    expect(typeSettings).toEqual({
      SMTP_URL: "smtp://mail:25",
      SMTP_CONNECTIONS: 7,
      SMTP_RATE: 0.25,
      OUTBOUND_ALLOW_PRIVATE: true,
      IMAGE_FIT: "contain",
    });
  });

  it("accept durations", () => {
    const table = Type.Object({ SMS_TIMEOUT_MS: Type.Integer(), SMS_WINDOW: Type.Number({ unit: "seconds" }) });
    expect(loadConfig({ SMS_TIMEOUT_MS: "15s", SMS_WINDOW: "500ms" }, [table]).typeSettings).toEqual({
      SMS_TIMEOUT_MS: 15_000,
      SMS_WINDOW: 0.5,
    });
  });

  it("are reported together with the program's settings, in one error", () => {
    const needsKey = Type.Object({
      SMS_SECRET: Type.String({ minLength: 20 }),
      SMS_FROM: Type.String({ pattern: "^\\+\\d+$" }),
      SMS_RATE: Type.Number({ maximum: 9 }),
      SMS_NAME: Type.String(),
    });
    expect(
      issuesOf(
        {
          IO_SLOTS: "x",
          OUTBOUND_ALLOW_PRIVATE: "maybe",
          IMAGE_FIT: "tile",
          SMS_SECRET: "hunter2",
          SMS_FROM: "me",
          SMS_RATE: "10",
        },
        [email, needsKey],
      ),
    ).toEqual([
      'IO_SLOTS: expected integer from 1 to 100000, got "x"',
      'OUTBOUND_ALLOW_PRIVATE: expected true or false, got "maybe"',
      'IMAGE_FIT: expected "cover" or "contain", got "tile"',
      "SMS_SECRET: expected a string of at least 20 characters, got a value that is not shown",
      'SMS_FROM: expected a string that matches ^\\+\\d+$, got "me"',
      'SMS_RATE: expected number <= 9, got "10"',
      "SMS_NAME: expected a string, got nothing",
    ]);
  });

  it("have artifacts in the data folder, unless ARTIFACTS_DIR is set", () => {
    const artifacts = [Type.Object({ ARTIFACTS_DIR: Type.String({ default: "./data/artifacts" }) })];
    const dirOf = (env: Record<string, string>) => loadConfig(env, artifacts).typeSettings.ARTIFACTS_DIR;
    expect([
      dirOf({}),
      dirOf({ DATA_DIR: "/srv/tf", ARTIFACTS_DIR: "" }),
      dirOf({ DATA_DIR: "/srv/tf", ARTIFACTS_DIR: "/mnt/a" }),
    ]).toEqual(["./data/artifacts", "/srv/tf/artifacts", "/mnt/a"]);
  });

  it("are reported in words, a URL of Postgres by its form", () => {
    const settings = [
      Type.Object({
        PROXY: Type.String({ pattern: "^http", expected: "http://HOST:PORT" }),
        EXPORT_DATABASE_URL: Type.String({ default: "" }),
      }),
    ];
    expect(
      issuesOf(
        { PUBLIC_URL: "jobs.example.com", REDIS_NAMESPACE: "a b", PROXY: "ftp", EXPORT_DATABASE_URL: "mysql://db?x=y" },
        settings,
      ),
    ).toEqual([
      'REDIS_NAMESPACE: expected letters, digits and . _ : -, got "a b"',
      'PUBLIC_URL: expected a URL such as https://jobs.example.com, without query or fragment, got "jobs.example.com"',
      'PROXY: expected http://HOST:PORT, got "ftp"',
      expect.stringMatching("^EXPORT_DATABASE_URL: expected postgres://"),
    ]);
    expect(
      issuesOf(
        { DATABASE_URL: "postgres://h/d?schema=x", EXPORT_DATABASE_URL: "postgres://h/d?sslmode=x", PROXY: "http://h" },
        settings,
      ),
    ).toEqual([
      'DATABASE_URL: expected a URL that can be used (this one has the option "schema": TaskFlow does not support this option: remove it), got a value that is not shown',
      expect.stringMatching('^EXPORT_DATABASE_URL: expected .+ sslmode="x": it is one of disable, allow, '),
    ]);
  });

  it("may be declared by several types if the declarations agree", () => {
    const other = Type.Object({ SMTP_CONNECTIONS: Type.Integer({ default: 6 }) });
    expect(issuesOf({}, [email, other])).toEqual([
      "SMTP_CONNECTIONS: several job types name it, with different defaults or types",
    ]);
  });
});
