/** docs/examples/: the program against a running server, and the job types. curl.md runs with the other pages. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { HttpPeer } from "../http-peer.ts";
import { launch } from "../installation.ts";
import type { Program } from "../process.ts";
import { jobWhen, retriesOf, submit } from "../replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../services.ts";
import { ROOT } from "./pages.ts";

const run = promisify(execFile);

let gateway: HttpPeer;
let program: Program;

beforeAll(async () => {
  const [redis, database, peer] = await Promise.all([freshRedis(), freshDatabase(), HttpPeer.start()]);
  gateway = peer;
  program = launch(tempDir(), {
    REDIS_ADDR: redis.address,
    DATABASE_URL: database.url,
    WORKER_COUNT: "1",
    RETRY_BASE_MS: "1",
    RETRY_MAX_MS: "1",
    TASKFLOW_JOBS: join(ROOT, "docs/examples/my-jobs"),
    SMS_GATEWAY_URL: `http://127.0.0.1:${gateway.port}/messages`,
    SMS_GATEWAY_TOKEN: "token-of-the-account",
  });
  await program.ready();
});

afterAll(() => gateway.close());

const message = { to: "+4915112345678", text: "Your code is 4711" };
const answer = (status: number, headers: Record<string, string> = {}, body = "") =>
  ({ kind: "answer", status, headers, body }) as const;

it("client.ts submits, waits and shows the issues of a submission", async () => {
  const tsx = join(ROOT, "node_modules/tsx/dist/cli.mjs");
  const { stdout } = await run(process.execPath, [tsx, "docs/examples/client.ts", program.url], { cwd: ROOT });
  expect(stdout).toBe(
    [
      "email completed after 1 attempt",
      "3 jobs of the newsletter ended",
      "422 validation_failed: /payload/to, /payload/body",
      "",
    ].join("\n"),
  );
});

it("greet greets, and fails immediately if a retry is useless", async () => {
  const ada = await submit(program, "greet", { name: "Ada" });
  expect(await jobWhen(program, ada)).toMatchObject({ status: "completed", result: { text: "Hello, Ada" } });
  const nobody = await submit(program, "greet", { name: "nobody" });
  expect(await jobWhen(program, nobody)).toMatchObject({ status: "failed", attempt: 1, error: { code: "nobody" } });
});

it("sms sends once, with the token and the job's id as the idempotency key", async () => {
  gateway.respond(() => answer(201, {}, '{"id":"m-1"}'));
  const id = await submit(program, "sms", message);
  expect(await jobWhen(program, id)).toMatchObject({ status: "completed", result: { message_id: "m-1" } });
  expect(gateway.requests.at(-1)).toMatchObject({
    method: "POST",
    path: "/messages",
    headers: { authorization: "Bearer token-of-the-account", "idempotency-key": id },
  });
});

it("sms waits after 429 without using up an attempt, retries 5xx, and gives up on 4xx", async () => {
  const answers = [answer(429, { "retry-after": "1" }), answer(503), answer(201, {}, '{"id":"m-2"}')];
  gateway.respond(async ({ headers }) => {
    const retries = await retriesOf(program, String(headers["idempotency-key"]));
    return answers[retries] ?? answer(401);
  });
  const delivered = await jobWhen(program, await submit(program, "sms", message));
  expect(delivered).toMatchObject({ status: "completed", attempt: 2, result: { message_id: "m-2" } });
  gateway.respond([401]);
  const rejected = await jobWhen(program, await submit(program, "sms", message));
  expect(rejected).toMatchObject({ status: "failed", attempt: 1, error: { code: "sms_401" } });
});
