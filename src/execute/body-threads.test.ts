import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import type { BodyKind } from "../core/body.ts";
import { tempDir } from "../testing/services.ts";
import { Threads } from "./threads.ts";

const OWN = `export default ({ defineJob, Type, fixed }) => defineJob({
  type: "own", lane: "io", payload: Type.Object({ endless: Type.Optional(Type.Boolean()), list: Type.Optional(Type.Array(Type.Unknown(), { uniqueItems: true })) }),
  check: ({ endless }) => { while (endless); return []; },
  attempts: 1, timeoutMs: 1000, backoff: fixed(10), maxBodyBytes: 100_000_000, run: () => null })`;

let threads: Threads | undefined;
afterEach(() => threads?.close());

function setup({ settings = {}, parseWithinMs }: { readonly settings?: object; readonly parseWithinMs?: number } = {}) {
  const jobsDir = tempDir();
  writeFileSync(join(jobsDir, "own.mjs"), OWN);
  const errors: unknown[] = [];
  threads = new Threads({
    size: 0,
    jobsDir,
    settings: { ...settings },
    onMessage: () => undefined,
    onError: (error) => errors.push(error),
    ...(parseWithinMs !== undefined && { parseWithinMs }),
  });
  const parse = (job: object, kind: BodyKind = "single") =>
    (threads as Threads).parse({
      bytes: new TextEncoder().encode(JSON.stringify(job)),
      kind,
      maxBodyBytes: 1_000_000,
      now: 0,
      durability: "redis",
    });
  return { parse, errors };
}

const tooComplex = { rejection: { status: 422, code: "body_too_complex" } };

it("ends a thread that takes too long for a body, and serves others during and after it", async () => {
  const { parse, errors } = setup({ parseWithinMs: 300 });
  const endless = Array.from({ length: 4 }, () => parse({ type: "own", payload: { endless: true } }));
  const beside = parse({ type: "own", payload: {} });
  expect(await Promise.all(endless)).toMatchObject(endless.map(() => tooComplex));
  expect(await beside).toMatchObject({ submissions: [{ type: "own" }] });
  expect(await parse({ type: "own", payload: {} })).toMatchObject({ submissions: [{ type: "own" }] });
  expect(errors).toEqual([]);
});

it("counts no time before the thread begins", async () => {
  const { parse } = setup({ parseWithinMs: 1 }); // a thread takes longer than that to load its code
  expect(await parse({ type: "own", payload: { endless: true } })).toMatchObject(tooComplex);
  const { parse: parseLater } = setup({ parseWithinMs: 200 });
  expect(await Promise.all([1, 2, 3].map(() => parseLater({ type: "own", payload: {} })))).toHaveLength(3);
});

it("finds duplicates in a list of a deployment's own type in one pass", async () => {
  const { parse } = setup();
  const duplicates = await parse({ type: "own", payload: { list: Array<string>(200_000).fill("a") } });
  expect(duplicates).toMatchObject({
    rejection: {
      code: "validation_failed",
      issues: [{ path: "/payload/list", message: "must not have duplicate items" }],
    },
  });
  expect(await parse({ type: "own", payload: { list: Array.from({ length: 100_000 }, (_, i) => i) } })).toHaveProperty(
    "submissions",
  );
});

it("checks bodies by the settings of this deployment", async () => {
  const [templates, queries] = [tempDir(), join(tempDir(), "queries")];
  mkdirSync(queries);
  writeFileSync(join(templates, "order.txt"), "");
  writeFileSync(join(queries, "ours.sql"), "-- @param n integer\nselect :n");
  const { parse } = setup({ settings: { EMAIL_TEMPLATES_DIR: templates, EXPORT_QUERIES_DIR: queries } });
  const email = (template: string) => ({ type: "email", payload: { to: "a@b.example", subject: "s", template } });
  const dataExport = (query: string, n: unknown) => ({
    type: "data_export",
    payload: { format: "csv", source: { query, params: { n } } },
  });
  expect(await parse({ jobs: [email("order"), dataExport("ours", 1)] }, "batch")).toHaveProperty("submissions");
  const paths = ["/jobs/0/payload/template", "/jobs/1/payload/source/query", "/jobs/2/payload/source/params/n"].map(
    (path) => expect.objectContaining({ path }) as unknown,
  );
  expect(
    await parse({ jobs: [email("other"), dataExport("theirs", 1), dataExport("ours", "x")] }, "batch"),
  ).toMatchObject({ rejection: { issues: paths } });
});
