import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

/** The URLs of the files that a page loads. */
function filesOf(page: string, url: string): string[] {
  return [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => new URL(file ?? "", url).pathname);
}

describe("the page of the dashboard", () => {
  it.each(["/ui", "/ui/jobs", "/ui/jobs/0198c0de-0000-7000-8000-000000000000", "/ui/queues/email"])(
    "%s loads files that the server has, wherever a proxy puts it",
    async (path) => {
      const { status, text, headers } = await request(server, "GET", path);
      expect(status).toBe(200);
      expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
      const files = filesOf(text, `https://jobs.example.com/prefix${path}`);
      expect(files.length).toBeGreaterThan(2);
      for (const file of files) {
        expect(file).toMatch(/^\/prefix\//);
        expect((await request(server, "GET", file.slice("/prefix".length))).status).toBe(200);
      }
    },
  );

  it("has a policy without inline scripts and styles, and none of either", async () => {
    const { text, headers } = await request(server, "GET", "/ui");
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(text).not.toMatch(/<style|<script>|\sstyle="|\son\w+="/);
  });

  it("has files that browsers cache for good, because a changed file has another name", async () => {
    const { text } = await request(server, "GET", "/ui");
    for (const file of filesOf(text, "http://localhost/ui").filter((name) => /\.(?:js|css)$/.test(name))) {
      const { headers } = await request(server, "GET", file, undefined, { "accept-encoding": "gzip" });
      expect([headers.get("cache-control"), headers.get("content-encoding")]).toEqual([
        "public, max-age=31536000, immutable",
        "gzip",
      ]);
    }
    expect((await request(server, "GET", "/ui/assets/nothing.js")).status).toBe(404);
    expect((await request(server, "GET", "/ui/assets/..%2f..%2fmain.js")).status).toBe(404);
  });

  it("is served without a slash at the end, which its relative URLs need", async () => {
    const { status, headers } = await request(server, "GET", "/ui/");
    expect([status, headers.get("location")]).toEqual([308, "../ui"]);
  });
});

describe("the server's address", () => {
  it.each([
    ["full", "ui", 200],
    ["read", "ui", 200],
    ["off", "docs", 404],
  ] as const)("with DASHBOARD=%s, leads to /%s", async (mode, page, status) => {
    const own = await startApiServer({ settings: { dashboard: { mode, label: null } } });
    try {
      const root = await request(own, "GET", "/");
      expect([root.status, root.headers.get("location")]).toEqual([302, page]);
      expect((await request(own, "GET", "/ui")).status).toBe(status);
    } finally {
      await own.close();
    }
  });
});
