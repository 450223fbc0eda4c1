/** The built program without keys, with different settings. */
import { expect, it } from "vitest";
import { installation } from "../../testing/installation.ts";
import type { Program } from "../../testing/process.ts";
import { rawAnswer } from "../../testing/raw-http.ts";

async function statusesOf(program: Program, hosts: readonly string[]): Promise<number[]> {
  const statuses = hosts.map(
    async (host) =>
      (await rawAnswer(Number(new URL(program.url).port), `GET /api/v1/jobs HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).status,
  );
  return Promise.all(statuses);
}
const HOSTS = ["localhost", "jobs.example.com", "own.example.com", "taskflow", "evil.test"];

it("serves the host names in its settings, and prints a URL that works", async () => {
  const { start } = await installation();
  const settings = {
    SERVER_ADDR: "0.0.0.0:0",
    ALLOWED_HOSTS: "jobs.example.com",
    PUBLIC_URL: "https://own.example.com",
  };
  const [isProtected, open] = await Promise.all([
    start(settings).ready(),
    start({ ...settings, TASKFLOW_AUTH: "none" }).ready(),
  ]);
  for (const { url } of [isProtected, open]) expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(await statusesOf(isProtected, HOSTS)).toEqual([200, 200, 403, 403, 403]);
  expect(await statusesOf(open, HOSTS)).toEqual([200, 200, 200, 200, 403]);
});

it("does not start with settings that let every page call it", async () => {
  const { start } = await installation();
  for (const auth of ["", "none"]) {
    const program = start({ CORS_ORIGINS: "*", TASKFLOW_AUTH: auth });
    expect(await program.ended).toEqual({ code: 2, signal: null });
    expect(program.stderr).toMatch(/^taskflow: CORS_ORIGINS: \* without API keys .* create keys/m);
  }
  const withKeys = await start({ CORS_ORIGINS: "*", TASKFLOW_API_KEYS: `ci:read:${"a".repeat(64)}` }).ready();
  expect(
    (await fetch(`${withKeys.url}/api/v1/jobs`, { headers: { origin: "https://any.example.com" } })).headers.get(
      "access-control-allow-origin",
    ),
  ).toBe("https://any.example.com");
});
