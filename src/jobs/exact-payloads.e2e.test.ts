/**
 * What is submitted is what goes out: by webhook, callback, message, file and answer, small or large, on whatever
 * thread.
 */
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runCommand } from "../cli/command.ts";
import { rerunIdOf } from "../replica/reruns.ts";
import { isFull } from "../testing/full.ts";
import { answer, HttpPeer, type PeerRequest } from "../testing/http-peer.ts";
import { jsonTexts, KNOWN_TEXTS, numberTexts, objectTexts } from "../testing/json-texts.ts";
import { call, jobWhen, startReplica, type TestReplica } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { SmtpPeer } from "../testing/smtp-peer.ts";
import { until } from "../testing/until.ts";

const RUNS = isFull ? 3_000 : 100;
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const EXACT = '{"id":9223372036854775807,"price":0.1234567890123456789,"10":1.0,"2":[-0,1e400],"2":"\\u00e9"}';

let replica: TestReplica;
let http: HttpPeer;
let smtp: SmtpPeer;
const templates = tempDir();

beforeAll(async () => {
  const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
  [http, smtp] = await Promise.all([HttpPeer.start(), SmtpPeer.start()]);
  writeFileSync(join(templates, "order.subject"), "Order {{number}}");
  writeFileSync(join(templates, "order.txt"), "{{#lines}}{{.}};{{/lines}}{{#zero}}some{{/zero}}{{^zero}}none{{/zero}}");
  const env = {
    OUTBOUND_ALLOW_PRIVATE: "true",
    CALLBACK_SECRET: SECRET,
    SMTP_URL: smtp.url,
    EMAIL_TEMPLATES_DIR: templates,
  };
  replica = await startReplica({ redis: redis.address, database: database.url, artifacts: tempDir(), env });
}, 60_000);
afterAll(async () => {
  await replica.close();
  await Promise.all([http.close(), smtp.close()]);
});

async function post(path: string, body: string): Promise<{ readonly id: string }> {
  const answer = await fetch(`${replica.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  const text = await answer.text();
  expect([answer.status, text.slice(0, 500)]).toEqual([202, expect.anything()]);
  return JSON.parse(text) as { id: string };
}

const submit = async (type: string, payload: string, fields = ""): Promise<string> =>
  (await post("/api/v1/jobs", `{"type":"${type}","payload":${payload}${fields}}`)).id;

function requestOn(path: string): Promise<PeerRequest> {
  return until(() => http.requests.find((request) => request.path === path), {
    what: `a request on ${path}`,
    timeoutMs: 60_000,
  });
}

/** The webhooks on a path, each as its id and body: repeated attempts at one that sent the same bytes are one. */
const sentOn = (path: string): Set<string> =>
  new Set(
    http.requests
      .filter((request) => request.path === path)
      .map(({ headers, body }) => `${String(headers["webhook-id"])} ${body.toString()}`),
  );

/** The body of a delivery, whose signature the library of Standard Webhooks has found good. */
async function delivered(path: string): Promise<string> {
  const { body, headers } = await requestOn(path);
  new Webhook(SECRET).verify(body, headers as Record<string, string>);
  return body.toString();
}

const webhookOf = (path: string, body: string): string =>
  `{"url":"${http.url(path)}","secret":"${SECRET}","body":${body}}`;

async function fileOf(payload: string): Promise<string> {
  const id = await submit("data_export", payload);
  const { result, error } = await jobWhen(replica, id);
  expect(error).toBeNull();
  return (await fetch(`${replica.url}/api/v1/jobs/${id}/artifacts/${String(result?.["artifact"])}`)).text();
}

it("a webhook sends and signs any body as it was submitted, and its callback the payload", async () => {
  const bodies = [...KNOWN_TEXTS, ...fc.sample(jsonTexts, RUNS)];
  const jobs = bodies.map(
    (body, at) => `{"type":"webhook","payload":${webhookOf(`/b${at}`, body)},"callback_url":"${http.url(`/c${at}`)}"}`,
  );
  await post("/api/v1/jobs/batch", `{"jobs":[${jobs.join(",")}]}`);
  for (const [at, body] of bodies.entries()) {
    expect(await delivered(`/b${at}`)).toBe(body);
    expect(await delivered(`/c${at}`)).toContain(
      `"payload":{"url":"${http.url(`/b${at}`)}","secret":"[redacted]","body":${body}},"result":`,
    );
  }
}, 120_000);

it.each([
  ["small", 0],
  ["large", 40_000],
  ["parsed on a thread", 300_000],
])(
  "a body that is %s goes out byte for byte, and once more by a retry",
  async (what, length) => {
    const path = `/${encodeURIComponent(what)}-${randomUUID()}`; // another one when the test is tried again
    const body = `{"text":"${"x".repeat(length)}","exact":${EXACT}}`;
    let isFixed = false;
    http.respond((request) => answer(request.path === path && !isFixed ? 404 : 200));
    const id = await submit("webhook", webhookOf(path, body));
    await jobWhen(replica, id, "failed");
    isFixed = true;
    const retried = await call(replica, "POST", `/api/v1/jobs/${id}/retry`);
    expect(retried.status).toBe(202);
    const { id: again } = retried.body as { id: string };
    await jobWhen(replica, again, "completed");
    expect(sentOn(path)).toEqual(new Set([`${id} ${body}`, `${again} ${body}`]));
  },
  60_000,
);

it("line breaks between tokens are spaces", async () => {
  await submit("webhook", webhookOf("/lines", '{\n\t"a": 1.0\r\n}'));
  expect(await delivered("/lines")).toBe('{  "a": 1.0  }');
});

it("a message shows the digits of its data", async () => {
  const id = await submit(
    "email",
    '{"to":"ann@example.com","template":"order","data":{"number":9007199254740993,"lines":[1.0,-0,1.10,"1.0",12345678901234567890],"zero":0.00}}',
  );
  await jobWhen(replica, id, "completed");
  const { subject, text } = smtp.messages.at(-1)?.mail ?? expect.fail("no message");
  expect([subject, text?.trim()]).toEqual(["Order 9007199254740993", "1.0;-0;1.10;1.0;12345678901234567890;none"]);
}, 60_000);

it("a file has the rows digit by digit and key by key", async () => {
  const rows = fc.sample(objectTexts, RUNS);
  expect(await fileOf(`{"format":"ndjson","source":{"rows":[${rows.join(",")}]}}`)).toBe(
    rows.map((row) => `${row}\n`).join(""),
  );
  expect(await fileOf(`{"format":"json","source":{"rows":[${rows.join(", ")}]}}`)).toBe(`[\n${rows.join("\n,")}\n]\n`);
  const numbers = fc.sample(numberTexts, RUNS);
  const csv = await fileOf(
    `{"format":"csv","source":{"rows":[${numbers.map((number) => `{"10":${number},"2":{"n":${number}}}`).join(",")}]}}`,
  );
  expect(csv.trimEnd().split("\r\n")).toEqual(["10,2", ...numbers.map((number) => `${number},"{""n"":${number}}"`)]);
}, 120_000);

it("the job history, a replay and a list have payloads as they were submitted, once they are in Postgres", async () => {
  const id = await submit("webhook", webhookOf("/history", EXACT), ',"tags":["history"]');
  await jobWhen(replica, id, "completed");
  const history = '"source":{"jobs":{"tag":"history"}}';
  await until(async () => ((await fileOf(`{"format":"ndjson",${history}}`)) === "" ? undefined : true), {
    what: "the job is in Postgres",
    timeoutMs: 60_000,
  });
  const payload = webhookOf("/history", EXACT).replace(SECRET, "[redacted]");
  expect(await fileOf(`{"format":"ndjson",${history},"columns":["payload"]}`)).toBe(`{"payload":${payload}}\n`);
  expect(await fileOf(`{"format":"csv",${history},"columns":["payload"]}`)).toBe(
    `payload\r\n"${payload.replaceAll('"', '""')}"\r\n`,
  );
  expect(await (await fetch(`${replica.url}/api/v1/jobs?tag=history`)).text()).toContain(`"payload":${payload},`);
  const replay = await post("/api/v1/jobs/replay", '{"tag":"history","status":"completed"}');
  const again = rerunIdOf(replay.id, id);
  await jobWhen(replica, again, "completed");
  expect(sentOn("/history")).toEqual(new Set([`${id} ${EXACT}`, `${again} ${EXACT}`]));
}, 120_000);

it("the command submits and prints payloads as they are", async () => {
  let out = "";
  const payload = webhookOf("/command", EXACT);
  const run = (args: readonly string[]): Promise<number | undefined> =>
    runCommand({
      args: [...args],
      version: "1.0.0",
      serve: () => Promise.resolve(),
      env: { TASKFLOW_URL: replica.url },
      out: { isTTY: false, write: (text) => (out += text) },
      err: { write: () => undefined },
      input: Readable.from([payload]),
    });
  expect(await run(["submit", "webhook", "--payload", "-", "--wait", "--json"])).toBe(0);
  expect(await delivered("/command")).toBe(EXACT);
  expect(out).toContain(`"body":${EXACT}}`);
  out = "";
  expect(await run(["list", "--type", "webhook", "--json", "--limit", "1"])).toBe(0);
  expect(out).toContain(`"body":${EXACT}}`);
}, 60_000);
