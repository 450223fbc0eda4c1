/** data_export of the job history. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { parse as parseCsv } from "csv-parse/sync";
import { parquetReadObjects } from "hyparquet";
import pg from "pg";
import { beforeAll, expect, it } from "vitest";
import { unlimited } from "../../core/destination.ts";
import type { AttemptContext } from "../../core/job-type.ts";
import { migrate } from "../../results/migrate.ts";
import { noThread } from "../../testing/no-thread.ts";
import { freshDatabase, tempDir } from "../../testing/services.ts";
import { loadRegistry } from "../registry.ts";
import dataExport from "./data-export.ts";

const { redactPayload } = await loadRegistry({ settings: {} });

type Payload = Parameters<typeof dataExport.run>[0];
type Resource = AttemptContext<Awaited<ReturnType<NonNullable<typeof dataExport.open>>>>["resource"];

const JOB_ID = "01890a5d-ac96-7000-babc-b302099a8057";
const NO_LINKS = { ARTIFACT_LINK_SECRET: "", ARTIFACT_LINK_TTL: 60, PUBLIC_URL: "" };
const OLD = "019b0000-0000-7000-8000-000000000001"; // 2025-12-08
const NEW = "019c0000-0000-7000-8000-000000000002"; // 2026-01-27
const FLOW = "019b0000-0000-7000-8000-000000000000";
const JOBS = `
  create table jobs_all (like jobs including all);
  alter table jobs attach partition jobs_all default;
  insert into jobs (id, created_at, finished_at, priority, attempt, max_attempts, type, status, durability, tags, payload, result, error, options) values
    ('${OLD}', '2025-12-08T12:00:00Z', '2025-12-08T12:00:01Z', 5, 1, 3, 'webhook', 'completed', 'redis', '{a,b}',
      '{"url":"https://example.org","secret":"whsec_verysecret","headers":{"Authorization":"Bearer verysecret"},"body":{"token":"shown"}}', '{"status":200}', null,
      '{"flow":{"id":"${FLOW}","at":2,"node":"notify"}}'),
    ('${NEW}', '2026-01-27T12:00:00Z', '2026-01-27T12:00:01Z', 5, 3, 3, 'email', 'failed', 'redis', '{}', '{"to":"a@b.example"}', null, '{"code":"timeout","message":"m","attempt":3}',
      '{"flow":{"id":"${FLOW}","at":0,"batch":true}}')`;

let database: string;

async function setup() {
  const root = tempDir();
  const { url } = await freshDatabase();
  await migrate(url);
  database = url;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(JOBS);
  await client.end();
  await mkdir(join(root, "queries"));
  const settings = {
    ARTIFACTS_DIR: join(root, "artifacts"),
    DATABASE_URL: url,
    EXPORT_DATABASE_URL: "",
    EXPORT_QUERIES_DIR: join(root, "queries"),
    EXPORT_QUERY_TIMEOUT_MS: 20_000,
    ...NO_LINKS,
  };
  const resource = (await dataExport.open?.(settings, { destinations: unlimited, redactPayload })) as Resource;
  return async (payload: Payload): Promise<{ readonly rows: number; readonly content: Buffer }> => {
    expect(dataExport.check?.(payload)).toEqual([]);
    const context = {
      jobId: JOB_ID,
      attempt: 1,
      timeoutMs: 30_000,
      resource,
      signal: new AbortController().signal,
      progress: () => undefined,
      log: () => undefined,
      onThread: noThread,
    };
    const { rows, artifact } = (await dataExport.run(payload, context)) as { rows: number; artifact: string };
    const stored = await resource.store.open({ jobId: JOB_ID, attempt: 1, name: artifact });
    return { rows, content: await buffer(stored?.read() ?? new Blob([]).stream()) };
  };
}

let run: Awaited<ReturnType<typeof setup>>;
beforeAll(async () => {
  run = await setup();
});

it("contains the finished jobs that pass the filters, newest first, in every format and without secrets", async () => {
  const { content, rows } = await run({ format: "ndjson", source: { jobs: {} } });
  expect(rows).toBe(2);
  const jobs = content
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(jobs).toMatchObject([
    {
      ...{ id: NEW, type: "email", status: "failed", error: { code: "timeout" }, tags: [], result: null, attempt: 3 },
      ...{ flow_id: null, batch_id: FLOW, node: null },
    },
    {
      ...{ id: OLD, flow_id: FLOW, batch_id: null, node: "notify" },
      tags: ["a", "b"],
      created_at: "2025-12-08T12:00:00+00:00",
      payload: {
        url: "https://example.org",
        secret: "[redacted]",
        headers: { Authorization: "[redacted]" },
        body: { token: "shown" },
      },
    },
  ]);
  const columns = ["id", { name: "payload", as: "what" }, { name: "created_at", date: "DD.MM.YYYY" }];
  expect(
    (
      await run({ format: "csv", source: { jobs: { status: "completed" } }, columns, csv: { delimiter: ";" } })
    ).content.toString(),
  ).toBe(
    `id;what;created_at\r\n${OLD};"{""url"":""https://example.org"",""secret"":""[redacted]"",""headers"":{""Authorization"":""[redacted]""},""body"":{""token"":""shown""}}";08.12.2025\r\n`,
  );
  for (const format of ["csv", "json", "xlsx", "parquet"] as const) {
    const file = (await run({ format, source: { jobs: {} } })).content;
    const text =
      format === "parquet"
        ? JSON.stringify(await parquetReadObjects({ file: Uint8Array.from(file).buffer }), (_, value: unknown) =>
            typeof value === "bigint" ? String(value) : value,
          )
        : file.toString();
    expect(text).not.toContain("verysecret");
  }
});

it.each(["csv", "ndjson", "json", "parquet", "xlsx"] as const)(
  "finds no secret in payloads, in the format %s",
  async (format) => {
    const rowsOf = async (jobs: object) => (await run({ format, source: { jobs }, columns: ["id"] })).rows;
    const secrets = [{ q: "whsec_very" }, { "payload.secret": "whsec_verysecret" }, { q: "bearer" }];
    for (const jobs of secrets) expect([jobs, await rowsOf(jobs)]).toEqual([jobs, 0]);
    const shown = [{ q: "EXAMPLE.org" }, { "payload.url": "https://example.org" }, { q: "m", type: "email" }];
    for (const jobs of shown) expect([jobs, await rowsOf(jobs)]).toEqual([jobs, 1]);
  },
);

it.each([
  [{ type: "email" }, [NEW]],
  [{ tag: "b" }, [OLD]],
  [{ error_code: "timeout" }, [NEW]],
  [{ group_key: "none' or true --" }, []],
  [{ created_after: "2026-01-01T00:00:00Z" }, [NEW]],
  [{ created_before: "2026-01-01T00:00:00Z" }, [OLD]],
  [{ created_after: "0000-01-01T00:00:00Z" }, [NEW, OLD]],
  [{ created_before: "1969-01-01T00:00:00Z" }, []],
])("filters by %j", async (jobs, ids) => {
  const { content } = await run({ format: "csv", source: { jobs }, columns: ["id"], csv: { header: false } });
  expect(content.toString().trim().split("\r\n").filter(Boolean)).toEqual(ids);
});

it("contains payload and result as submitted, digit by digit and key by key", async () => {
  const id = "019c0000-0000-7000-8000-000000000003";
  const payload = String.raw`{"2":12345678901234567890.10,"1":[-0,1e400,1.0],"secret":"hide","a":"\u00e9\u0000 x","a":{"n":0.1e-400}}`;
  const result = '{ "id" : 9007199254740993 }';
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  await client.query(
    `insert into jobs (id, created_at, finished_at, priority, attempt, max_attempts, type, status, durability, tags, payload, result)
    values ($1, '2026-01-28Z', '2026-01-28Z', 5, 1, 3, 'exact', 'completed', 'redis', '{}', $2, $3)`,
    [id, payload, result],
  );
  const source = { jobs: { type: "exact" } };
  const columns = ["payload", "result"];
  const shown = payload.replace('"hide"', '"[redacted]"');
  try {
    expect((await run({ format: "ndjson", source, columns })).content.toString()).toBe(
      `{"payload":${shown},"result":${result}}\n`,
    );
    expect((await run({ format: "json", source, columns: ["result"] })).content.toString()).toBe(
      `[\n{"result":${result}}\n]\n`,
    );
    expect(parseCsv((await run({ format: "csv", source, columns })).content)).toEqual([columns, [shown, result]]);
  } finally {
    await client.query("delete from jobs where id = $1", [id]);
    await client.end();
  }
});

it("rejects invalid times", () => {
  const issues = dataExport.check?.({
    format: "csv",
    source: { jobs: { created_after: "soon", tag: "\0", status: "running" } },
  });
  expect(issues?.map(({ path }) => path)).toEqual([
    "/source/jobs/tag",
    "/source/jobs/status",
    "/source/jobs/created_after",
  ]);
});
