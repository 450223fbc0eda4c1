/** Payloads of the built-in types with references to earlier results. */
import { expect, it } from "vitest";
import { parseBody } from "../core/body.ts";
import { loadRegistry } from "./registry.ts";

const registry = await loadRegistry({ settings: {} });
const result = (path: string): object => ({ $ref: `a/result/${path}` });

function pathsOf(type: string, payload: object): string[] {
  const body = {
    jobs: { a: { type: "webhook", payload: { url: "https://x.example/" } }, b: { type, payload, after: ["a"] } },
  };
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  const task = { bytes, kind: "flow", maxBodyBytes: 1_000_000, now: 0, durability: "redis" } as const;
  const parsed = parseBody(task, registry.get);
  return "rejection" in parsed ? parsed.rejection.issues.map(({ path }) => path.replace("/jobs/b/payload", "")) : [];
}

it.each<[type: string, payload: object]>([
  ["email", { to: "a@example.com", subject: "Ready", body: "${a.result.link}" }],
  ["email", { to: result("to"), subject: result("subject"), body: result("body"), cc: [result("cc")] }],
  [
    "email",
    {
      to: "a@example.com",
      subject: "Ready",
      body: "…",
      attachments: [
        { filename: "o.csv", artifact: result("artifact_ref") },
        { filename: "x", base64: result("file") },
      ],
    },
  ],
  ["email", { to: "a@example.com", subject: "x", body: "x", attachments: [{ filename: "x", url: "${a.result.url}" }] }],
  ["email", { to: "a@example.com", subject: "x", body: "x", attachments: result("files") }],
  ["webhook", { url: "${a.result.url}/done", body: { all: result(""), text: "n: ${a.result.n}" } }],
  [
    "webhook",
    { url: result("url"), headers: { "X-Id": "${a.result.id}" }, timeout_ms: result("ms"), method: result("m") },
  ],
  ["image_resize", { source: { artifact: result("artifact") }, width: result("width") }],
  ["image_resize", { source: { url: "${a.result.url}" }, width: 5 }],
  ["image_resize", { source: result("source"), variants: [{ width: 5, format: result("format") }] }],
  ["image_resize", { source: { base64: result("x") }, variants: result("variants") }],
  ["data_export", { format: "csv", source: { rows: result("rows") } }],
  ["data_export", { format: result("format"), source: { rows: [result("row")] }, filename: "${a.result.name}.csv" }],
  ["data_export", { format: "json", source: result("source"), columns: result("columns") }],
])("%s case %#: a reference is left to the run", (type, payload) => {
  expect(pathsOf(type, payload)).toEqual([]);
});

it.each<[type: string, payload: object, paths: string[]]>([
  ["email", { to: "nobody", subject: result("x") }, ["/body", "/to"]],
  ["email", { to: result("x"), subject: "x", body: "x", colour: 1 }, ["/colour"]],
  ["webhook", { body: result("x") }, ["/url"]],
  ["webhook", { url: "ftp://x.example/", body: result("x") }, ["/url"]],
  ["image_resize", { source: { url: result("x") }, width: 0 }, ["/width"]],
  ["data_export", { format: "pdf", source: { rows: result("x") } }, ["/format"]],
])("%s case %#: the other issues are reported", (type, payload, paths) => {
  expect(pathsOf(type, payload).sort()).toEqual(paths);
});
