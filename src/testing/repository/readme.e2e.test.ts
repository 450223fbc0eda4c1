/**
 * The README's commands, run as they stand there: `<!-- run -->` before a block says that it is, and the JSON below it is
 * what is answered, `<!-- run: result -->` that it is the result of the job. UPDATE_README=1 writes there what was seen.
 */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { HttpPeer } from "../http-peer.ts";
import { launch } from "../installation.ts";
import type { Program } from "../process.ts";
import { jobWhen } from "../replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../services.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;
const README = join(ROOT, "README.md");
const text = readFileSync(README, "utf8");
const BLOCK = /<!-- run(: result)? -->\n```sh\n([^]*?)```(?:\n```json\n([^]*?)\n```)?/g;
const ID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const run = promisify(execFile);

interface Block {
  readonly command: string;
  /** Whether `shown` is the job's result, not the answer. */
  readonly isResult: boolean;
  readonly shown: string | undefined;
}
const blocks: readonly Block[] = [...text.matchAll(BLOCK)].map(([, result, command = "", shown]) => ({
  command,
  isResult: result !== undefined,
  shown,
}));

/** A block of the README, by its language and what it begins with. */
function fileOf(language: string, start: string): string {
  return new RegExp(`\`\`\`${language}\\n(${start}[^]*?)\`\`\``).exec(text)?.[1] ?? "";
}

let program: Program;
let peer: HttpPeer;
let bin: string;
let keysDatabase: string;
/** Ids that the README shows, and those that they have in this run. */
const ids = new Map<string, string>();
const seen: (string | undefined)[] = [];

beforeAll(async () => {
  const [redis, database, ofKeys, peerOfJobs] = await Promise.all([
    freshRedis(),
    freshDatabase(),
    freshDatabase(),
    HttpPeer.start(),
  ]);
  const folder = tempDir();
  const files = {
    "my-jobs/greet.mjs": fileOf("js", "// my-jobs/greet.mjs"),
    "queries/numbers.sql": fileOf("sql", "-- @param"),
    "templates/order.subject": "Order {{number}}",
    "templates/order.txt": "Thank you.",
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  bin = join(folder, "bin");
  mkdirSync(bin);
  const programs = { taskflow: "dist/cli/main.js", ...(!(await hasCurl()) && { curl: "src/testing/curl.mjs" }) };
  for (const [name, file] of Object.entries(programs))
    writeFileSync(join(bin, name), `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, file)}" "$@"\n`, {
      mode: 0o755,
    });
  keysDatabase = ofKeys.url; // once there are keys, every call needs one
  peer = peerOfJobs;
  const photo = await sharp({
    create: {
      width: 1_600,
      height: 1_200,
      channels: 3,
      background: "#888",
      noise: { type: "gaussian", mean: 128, sigma: 20 },
    },
  })
    .jpeg()
    .toBuffer();
  peer.respond(({ path }) => ({ kind: "answer", status: 200, body: path === "/photo.jpg" ? photo : "thanks" }));
  program = launch(folder, {
    REDIS_ADDR: redis.address,
    DATABASE_URL: database.url,
    WORKER_COUNT: "1",
    OUTBOUND_ALLOW_PRIVATE: "true",
    TASKFLOW_JOBS: "my-jobs",
    EXPORT_QUERIES_DIR: "queries",
    EMAIL_TEMPLATES_DIR: "templates",
  });
  await program.ready();
});

afterAll(async () => {
  await peer.close();
  if (process.env.UPDATE_README !== "1") return;
  let at = 0;
  const updated = text.replace(BLOCK, (block: string, _result, _command, shown: string | undefined) => {
    const now = seen[at++];
    return shown === undefined || now === undefined ? block : block.replace(shown, () => now);
  });
  writeFileSync(
    README,
    updated.replaceAll(ID, (id) => ids.get(id) ?? id),
  );
});

function hasCurl(): Promise<boolean> {
  return run("curl", ["--version"]).then(
    () => true,
    () => false,
  );
}

/** What bash prints of a command that has to end with 0. */
async function shell(command: string): Promise<string> {
  const here = command
    .replaceAll("localhost:8080", new URL(program.url).host)
    .replaceAll(/https:\/\/(?:hooks\.)?example\.com(?=\/(?:orders|photo))/g, `http://127.0.0.1:${peer.port}`)
    .replaceAll(ID, (id) => ids.get(id) ?? id);
  const { stdout } = await run("bash", ["-euo", "pipefail", "-c", here], {
    env: { PATH: `${bin}:${process.env.PATH ?? ""}`, DATABASE_URL: keysDatabase },
  });
  return stdout;
}

/** What is the same in each run of a value: names, types, and the words that programs go by. */
function shapeOf(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shapeOf(inner, key)]));
  return typeof value === "string" && !["status", "code", "reason", "type", "artifact", "path"].includes(name)
    ? "text"
    : typeof value === "number" && name !== "status"
      ? 0
      : value;
}

function learnIds(shown: string, answered: string): void {
  const [before, now] = [shown.match(ID) ?? [], answered.match(ID) ?? []];
  before.forEach((id, at) => {
    if (!ids.has(id)) ids.set(id, now[at] ?? id);
  });
}

it("README.md has commands to run", () => {
  expect(blocks.length).toBeGreaterThan(12);
});

it.each(blocks.map((block, at) => ({ ...block, at, name: `${at}: ${block.command.split("\n")[0] ?? ""}` })))(
  "$name",
  async ({ command, shown, isResult, at }) => {
    const earlier = command.match(ID)?.[0];
    if (earlier !== undefined && !command.includes("/why")) await jobWhen(program, ids.get(earlier) ?? earlier);
    const printed = await shell(command);
    if (shown === undefined) {
      expect(printed).not.toMatch(/"status":[45]\d\d/); // curl ends with 0 where it is refused, too
      return;
    }
    const answer = isResult
      ? JSON.stringify((await jobWhen(program, (JSON.parse(printed) as { id: string }).id)).result)
      : printed;
    seen[at] = answer.replaceAll(`http://127.0.0.1:${peer.port}`, "https://hooks.example.com");
    learnIds(shown, answer);
    if (process.env.UPDATE_README !== "1") expect(shapeOf(JSON.parse(answer))).toEqual(shapeOf(JSON.parse(shown)));
  },
);
