import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { PermanentError } from "../core/job-type.ts";
import { StartError } from "../errors.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import type { LogOptions } from "./log.ts";
import { createLog, logFormat } from "./log.ts";

const dir = makeTempDir();
afterAll(() => dir.remove());

/** Creates a log that collects its lines. */
function setup(level: LogOptions["level"] = "info") {
  const texts: string[] = [];
  const log = createLog({ level, replica: "host-1", destination: { write: (text) => texts.push(text) } });
  return { log, lines: () => texts.map((text) => JSON.parse(text) as Record<string, unknown>) };
}

describe("a line", () => {
  it("is JSON with time, level, replica, message and fields", () => {
    const { log, lines } = setup();
    log.child({ job_id: "j1", type: "email", attempt: 2 }).warn({ delay_ms: 5 }, "retried");
    log.info("started");
    log.debug("below the level");
    expect(lines()).toEqual([
      {
        level: "warn",
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
        replica: "host-1",
        job_id: "j1",
        type: "email",
        attempt: 2,
        delay_ms: 5,
        msg: "retried",
      },
      expect.objectContaining({ level: "info", msg: "started" }),
    ]);
    expect(log.isLevelEnabled("debug")).toBe(false);
  });

  it("shows an error with its code and causes, and none of its other properties", () => {
    const { log, lines } = setup();
    const connectError = Object.assign(new Error("connect ECONNREFUSED redis://:hunter2@cache:6379"), {
      code: "ECONNREFUSED",
      headers: { "x-key": "hunter2" },
    });
    log.error({ error: new StartError("Redis is away", connectError), err: new PermanentError("410 Gone") }, "failed");
    log.error(connectError);
    const [first, second] = lines();
    expect(first?.["error"]).toMatchObject({
      type: "StartError",
      code: "start_failed",
      message: "Redis is away",
      stack: expect.stringContaining("log.test.ts") as string,
    });
    expect(first?.["error"]).toMatchObject({
      cause: { code: "ECONNREFUSED", message: "connect ECONNREFUSED redis://:***@cache:6379" },
    });
    expect(first?.["err"]).toMatchObject({ code: "permanent", message: "410 Gone" });
    expect(second).toMatchObject({ error: { code: "ECONNREFUSED" } });
    expect(JSON.stringify(lines())).not.toContain("hunter2");
  });

  it("does not show fields that are named like a credential, at any depth", () => {
    const { log, lines } = setup();
    const secret = "hunter2";
    log.child({ apiKey: secret }).info(
      {
        password: secret,
        headers: { Authorization: secret, "set-cookie": [secret], accept: "json" },
        list: [{ secret }],
        url: `smtp://me:${secret}@mail`,
      },
      "request",
    );
    expect(JSON.stringify(lines())).not.toContain(secret);
    expect(lines()[0]).toMatchObject({
      apiKey: "[redacted]",
      headers: { Authorization: "[redacted]", accept: "json" },
      url: "smtp://me:***@mail",
    });
  });

  it("does not show the value of a secret setting in any text", () => {
    const texts: string[] = [];
    const destination = { write: (text: string) => texts.push(text) };
    const log = createLog({ level: "info", replica: "r", destination, secrets: ['s3cret"\\s3cret'] });
    log.info({ url: 'https://sms.test/s3cret"\\s3cret/send' }, 'sent with s3cret"\\s3cret');
    expect(JSON.parse(texts[0] ?? "")).toMatchObject({
      url: "https://sms.test/[redacted]/send",
      msg: "sent with [redacted]",
    });
  });

  it("survives fields that are not plain data", () => {
    const { log, lines } = setup();
    const circle: Record<string, unknown> = { at: new Date(0), none: null, count: 3 };
    circle["self"] = circle;
    const knot = new Error("knot");
    knot.cause = knot;
    log.info(
      {
        circle,
        knot,
        kept: 4,
        inner: {
          get broken(): never {
            throw new Error("no");
          },
        },
      },
      "odd",
    );
    expect(lines()[0]).toMatchObject({ inner: { fields: "[unreadable]" }, msg: "odd" });
    expect(lines()[0]).toMatchObject({ circle: { at: "1970-01-01T00:00:00.000Z", none: null, count: 3 }, kept: 4 });
  });
});

describe("the format", () => {
  it.each([
    ["", { isTTY: true }, {}, { kind: "pretty", isColoured: true }],
    ["", { isTTY: true }, { NO_COLOR: "1" }, { kind: "pretty", isColoured: false }],
    ["", {}, {}, { kind: "json" }],
    ["json", { isTTY: true }, {}, { kind: "json" }],
    ["pretty", {}, {}, { kind: "pretty", isColoured: false }],
  ] as const)("of LOG_FORMAT=%s on %j with %j is %j", (setting, output, env, format) => {
    expect(logFormat(setting, output, env)).toEqual(format);
  });
});

describe("the output", () => {
  it("has written all lines in order after a flush", async () => {
    const path = join(dir.path, "lines.log");
    const log = createLog({ level: "info", replica: "r", destination: path });
    for (let n = 0; n < 5_000; n += 1) log.info({ n }, "line");
    await log.child({ a: 1 }).flush();
    const written = readFileSync(path, "utf8").trimEnd().split("\n");
    expect(written.map((line) => (JSON.parse(line) as { n: number }).n)).toEqual(
      Array.from({ length: 5_000 }, (_, n) => n),
    );
    await log.flush();
  });

  it("does not stop the program if it cannot be written", async () => {
    const log = createLog({ level: "info", replica: "r", destination: "/dev/full" });
    log.info("lost");
    await log.flush();
  });

  it("is standard output by default", async () => {
    const log = createLog({ level: "silent", replica: "r" });
    log.info("not seen");
    await log.flush();
  });
});
