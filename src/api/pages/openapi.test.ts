import { readdirSync, readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseBody } from "../../core/body.ts";
import { loadRegistry } from "../../jobs/registry.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import type { OpenApiDocument } from "../../testing/conformance.ts";
import { callsOf, judgeOf, requestsOf } from "../../testing/conformance.ts";
import { isOptionalHeader } from "../contract/document-headers.ts";
import { PROBLEM_CODES } from "../contract/problem-codes.ts";

/** `npm run fuzz` sends 20,000. */
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 800);

let server: ApiServer;
let document: OpenApiDocument;
beforeAll(async () => {
  const registry = await loadRegistry({ settings: {} });
  server = await startApiServer({
    deps: {
      registry,
      parseLarge: (task) => Promise.resolve(structuredClone(parseBody(structuredClone(task), registry.get))),
    },
  });
  document = (await request(server, "GET", "/api/v1/openapi.json")).body as unknown as OpenApiDocument;
});
afterAll(() => server.close());

describe("the OpenAPI document", () => {
  it("is valid to an independent validator", async () => {
    expect((await new Validator().validate(structuredClone(document))).errors ?? []).toEqual([]);
  });

  it("contains every call once, and the payload and result of every type", () => {
    const ids = callsOf(document).map((call) => (call as unknown as { operationId: string }).operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(
      expect.arrayContaining([
        "submitJob",
        "submitBatch",
        "listJobs",
        "getJob",
        "cancelJob",
        "getArtifact",
        "submitFlow",
        "listFlows",
        "retryFlow",
        "createBatch",
        "addBatchJobs",
        "followBatch",
        "putSchedule",
        "runSchedule",
        "previewSchedule",
        "listQueues",
        "listTypes",
        "listDestinations",
        "listAudit",
        "listWorkers",
        "getStats",
        "getHealth",
        "getMetrics",
        "getOpenApi",
        "getDocs",
      ]),
    );
    const { schemas } = document.components as { schemas: Record<string, unknown> };
    for (const name of ["Email", "Webhook", "ImageResize", "DataExport"])
      expect(Object.keys(schemas)).toEqual(
        expect.arrayContaining([`${name}Submission`, `${name}Payload`, `${name}Result`]),
      );
  });

  it("states the maximal length of replay filters and groups", () => {
    const { requestBody } = callsOf(document).find(({ pattern }) => pattern === "/api/v1/jobs/replay") ?? {};
    const { properties } = requestBody?.content["application/json"]?.schema as { properties: Record<string, unknown> };
    for (const name of ["type", "tag", "group_key", "error_code"])
      expect(properties[name]).toMatchObject({
        anyOf: [
          { type: "string", minLength: 1, maxLength: 255 },
          { type: "array", items: { type: "string", minLength: 1, maxLength: 255 }, maxItems: 100 },
        ],
      });
    expect(document).toHaveProperty(
      "components.schemas.EmailSubmission.properties.group_key.description",
      expect.stringContaining("900 characters when percent-encoded"),
    );
  });

  it("declares every problem code in the source", () => {
    const folder = new URL("../", import.meta.url);
    const texts = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
      .map((name) => readFileSync(new URL(name, folder), "utf8"));
    const codes = texts.flatMap((text) =>
      [...text.matchAll(/problem\(\s*(\d{3}),\s*"([a-z_]+)"/g)].map(([, status = "", code = ""]) => ({
        code,
        status: Number(status),
      })),
    );
    expect(codes.length).toBeGreaterThan(15);
    expect(codes.filter(({ code, status }) => PROBLEM_CODES[code]?.status !== status)).toEqual([]);
  });
});

describe("/docs", () => {
  it("loads files from this server only", async () => {
    const page = await request(server, "GET", "/docs");
    expect([page.status, page.headers.get("content-security-policy")]).toEqual([
      200,
      expect.stringContaining("default-src 'none'; script-src 'self'"),
    ]);
    const sources = [...page.text.matchAll(/(?:src|href)="(?!data:)([^"]+)"/g)].map(([, path = ""]) => path);
    expect(sources.length).toBe(3);
    for (const path of sources) expect((await request(server, "GET", `/${path}`)).status).toBe(200);
    expect(page.text).not.toContain("http");
  });
});

describe("every answer conforms to the document", () => {
  it("about a completed job, whose result is null only if it is erased", async () => {
    const submission = { type: "webhook", payload: { url: "https://example.com/" }, delay_ms: 3_600_000 };
    const { id } = (await request(server, "POST", "/api/v1/jobs", submission)).body;
    const { headers, body } = await request(server, "GET", `/api/v1/jobs/${String(id)}`);
    const call = callsOf(document).find(({ method, pattern }) => method === "GET" && pattern === "/api/v1/jobs/{id}");
    const judge = judgeOf(document, isOptionalHeader);
    const issueOf = (fields: object): string | undefined =>
      call && judge(call, { status: 200, headers, text: JSON.stringify({ ...body, status: "completed", ...fields }) });
    expect(issueOf({ payload: null, result: null, erased_at: "2026-01-31T12:00:00.000Z" })).toBeUndefined();
    expect(issueOf({ result: { status: 200, duration_ms: 1, response_excerpt: "" } })).toBeUndefined();
    expect(issueOf({ result: null })).toContain("result must be object");
  });

  it(`to ${REQUESTS} requests generated from it, valid and invalid, and none is a 500`, {
    timeout: 1_200_000,
  }, async () => {
    const made: string[] = [];
    const judge = judgeOf(document, isOptionalHeader);
    const types = ["email", "webhook", "image_resize", "data_export"];
    const first = (
      await request(server, "POST", "/api/v1/jobs", { type: "webhook", payload: { url: "https://example.com/" } })
    ).body.id;
    const statuses = new Map<number, number>();
    const job = { type: "webhook", payload: { url: "https://example.com/?day=${tick:YYYY-MM-DD}" } };
    await request(server, "PUT", "/api/v1/schedules/hourly", { cron: "H * * * *", job });
    const member = { ...job, delay_ms: 3_600_000, payload: { url: "https://example.com/" } };
    const flow = { jobs: { first: member, mail: { ...member, after: ["first"] } } };
    const { id: flowId } = (await request(server, "POST", "/api/v1/flows", flow)).body;
    const batch = { jobs: [member], open: true };
    const { id: batchId } = (await request(server, "POST", "/api/v1/batches", batch)).body;
    const known = {
      id: [String(first), String(flowId), String(batchId)],
      node: ["first", "mail"],
      kind: ["flow", "batch,then"],
      type: types,
      name: ["export.csv"],
      docs_file: ["start.js"],
      cursor: [String(first)],
      schedule: ["hourly"],
      host: ["example.com", "[::1]:8080", "%"],
      action: ["queues.pause", "queues.pause,keys.create"],
      from: ["2026-01-31T12:00:00Z"],
      wait: ["0", "-1"],
    };
    await fc.assert(
      fc.asyncProperty(requestsOf(document, known), async ({ call, path, headers, body }) => {
        const answer = await fetch(server.url + path, {
          redirect: "manual",
          method: call.method,
          headers,
          ...(body !== undefined && { body }),
        });
        const isStream = answer.headers.get("content-type") === "text/event-stream"; // it does not end
        const text = isStream ? "" : await answer.text();
        if (isStream) await answer.body?.cancel();
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        if (answer.status === 202) made.push(text);
        const issue =
          answer.status === 500 ? "a 500" : judge(call, { status: answer.status, headers: answer.headers, text });
        if (issue !== undefined)
          throw new Error(`${call.method} ${path} ${JSON.stringify(headers)} ${body ?? ""}: ${issue}`);
      }),
      {
        numRuns: REQUESTS,
        endOnFailure: true,
        ...(process.env.FUZZ_SEED !== undefined && { seed: Number(process.env.FUZZ_SEED) }),
      },
    );
    expect(server.logged).toEqual([]);
    const { accepted, unaccounted } = (await request(server, "GET", "/api/v1/stats")).body;
    expect(unaccounted).toBe(0);
    expect(Number(accepted)).toBeGreaterThan(made.length / 4);
    expect([...statuses.keys()]).toEqual(expect.arrayContaining([200, 202, 400, 404, 422]));
    if (process.env.FUZZ_REQUESTS !== undefined)
      process.stderr.write(
        `answers by status: ${JSON.stringify(Object.fromEntries([...statuses].sort()))}, jobs accepted: ${String(accepted)}\n`,
      );
  });
});
