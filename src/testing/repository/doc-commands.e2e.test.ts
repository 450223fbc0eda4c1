/**
 * Runs the commands of the pages as they are shown there. `<!-- run -->` before a block marks a command to run; the
 * JSON block below it is the answer. With `<!-- run: result -->` it is the result of the job that the command submits.
 * Only the shape of the answer is compared. UPDATE_DOCS=1 writes the answers of this run into the pages.
 */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { HttpPeer } from "../http-peer.ts";
import { launch } from "../installation.ts";
import type { Program } from "../process.ts";
import { jobWhen } from "../replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../services.ts";
import { allPages, ROOT, readPage, writePage } from "./pages.ts";

const BLOCK = /<!-- run(: result)? -->\n+```sh\n([^]*?)```(?:\n+```json\n([^]*?)\n```)?/g;
const ID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const UPDATES_PAGES = process.env.UPDATE_DOCS === "1";
const run = promisify(execFile);

interface Block {
  readonly page: string;
  /** Its number on its page, from 0. */
  readonly index: number;
  readonly command: string;
  /** Whether `shown` is the job's result, not the answer. */
  readonly isResult: boolean;
  readonly shown: string | undefined;
}
const blocks: readonly Block[] = allPages().flatMap(({ name, text }) =>
  [...text.matchAll(BLOCK)].map(([, result, command = "", shown], index) => ({
    page: name,
    index,
    command,
    isResult: result !== undefined,
    shown,
  })),
);

/** The SQL file that a page shows. */
function shownQuery(): string {
  const [, query] = /```sql\n(-- @param[^]*?)```/.exec(readPage("docs/job-types/data-export.md").text) ?? [];
  if (query === undefined) throw new Error("docs/job-types/data-export.md shows no query");
  return query;
}

let program: Program;
let peer: HttpPeer;
let bin: string;
let keysDatabase: string;
/** The ids that the pages show, and the ids that these jobs have in this run. */
const ids = new Map<string, string>();
/** The answers of this run, by page and number of the block. */
const answers = new Map<string, string>();

beforeAll(async () => {
  const [redis, database, ofKeys, peerOfJobs] = await Promise.all([
    freshRedis(),
    freshDatabase(),
    freshDatabase(),
    HttpPeer.start(),
  ]);
  const folder = tempDir();
  const files = {
    "queries/numbers.sql": shownQuery(),
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
  keysDatabase = ofKeys.url; // a separate database, because every call to one with keys needs a key
  peer = peerOfJobs;
  const photo = await noisyPhoto();
  peer.respond(({ path }) => ({ kind: "answer", status: 200, body: path === "/photo.jpg" ? photo : "thanks" }));
  program = launch(folder, {
    REDIS_ADDR: redis.address,
    DATABASE_URL: database.url,
    WORKER_COUNT: "1",
    OUTBOUND_ALLOW_PRIVATE: "true",
    TASKFLOW_JOBS: join(ROOT, "docs/examples/my-jobs"),
    EXPORT_QUERIES_DIR: "queries",
    EMAIL_TEMPLATES_DIR: "templates",
  });
  await program.ready();
});

afterAll(async () => {
  await peer.close();
  if (!UPDATES_PAGES) return;
  for (const { name, text } of allPages()) {
    let index = 0;
    const updated = text.replace(BLOCK, (block: string, _result, _command, shown: string | undefined) => {
      const answer = answers.get(`${name} ${index++}`);
      if (shown === undefined || answer === undefined) return block;
      const start = block.lastIndexOf(shown);
      return block.slice(0, start) + pretty(answer) + block.slice(start + shown.length);
    });
    if (updated !== text) writePage({ name, text: updated.replaceAll(ID, (id) => ids.get(id) ?? id) });
  }
});

/** The JSON of an answer as the pages show it: small objects and lists in one line. */
function pretty(json: string): string {
  const parsed: unknown = JSON.parse(json);
  const withSpaces = (value: unknown): string =>
    JSON.stringify(value, null, 1).replace(/\n\s*/g, " ").replace(/\[ /g, "[").replace(/ \]/g, "]");
  const lines = (value: unknown, indent: string): string => {
    const line = withSpaces(value);
    if (typeof value !== "object" || value === null || (line.length + indent.length < 100 && indent !== ""))
      return line;
    const inner = `${indent}  `;
    const entries = Array.isArray(value)
      ? value.map((each) => `${inner}${lines(each, inner)}`)
      : Object.entries(value).map(([key, each]) => `${inner}"${key}": ${lines(each, inner)}`);
    const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
    return `${open}\n${entries.join(",\n")}\n${indent}${close}`;
  };
  return withSpaces(parsed).length < 100 ? withSpaces(parsed) : lines(parsed, "");
}

function noisyPhoto(): Promise<Buffer> {
  const noise = { type: "gaussian", mean: 128, sigma: 20 } as const;
  return sharp({ create: { width: 1_600, height: 1_200, channels: 3, background: "#888", noise } })
    .jpeg()
    .toBuffer();
}

function hasCurl(): Promise<boolean> {
  return run("curl", ["--version"]).then(
    () => true,
    () => false,
  );
}

/** Returns the output of a command in bash, which must exit with 0. */
async function shell(command: string): Promise<string> {
  const here = command
    .replaceAll("localhost:8080", new URL(program.url).host)
    .replaceAll(/https:\/\/(?:hooks\.)?example\.com(?=\/(?:orders|photo))/g, `http://127.0.0.1:${peer.port}`)
    .replaceAll(ID, (id) => ids.get(id) ?? id);
  const { stdout } = await run("bash", ["-euo", "pipefail", "-c", here], {
    env: { PATH: `${bin}:${process.env.PATH ?? ""}`, DATABASE_URL: keysDatabase, TASKFLOW_URL: program.url },
  });
  return stdout;
}

/** The parts of a value that are equal in each run: names, types, and the words that programs depend on. */
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

function learnIds(shown: string, answer: string): void {
  const [before, now] = [shown.match(ID) ?? [], answer.match(ID) ?? []];
  before.forEach((id, index) => {
    if (!ids.has(id)) ids.set(id, now[index] ?? id);
  });
}

it("the pages have commands to run", () => {
  expect(blocks.length).toBeGreaterThan(20);
});

it.each(blocks.map((block) => ({ ...block, title: `${block.page}: ${block.command.split("\n")[0] ?? ""}` })))(
  "$title",
  async ({ page, index, command, shown, isResult }) => {
    const earlier = ids.get(command.match(ID)?.[0] ?? "");
    if (earlier !== undefined && !/\/why|-X DELETE/.test(command)) await jobWhen(program, earlier);
    const printed = await shell(command);
    if (shown === undefined) {
      expect(printed).not.toMatch(/"status":[45]\d\d/); // curl exits with 0 after an error response, too
      return;
    }
    const answer = isResult
      ? JSON.stringify((await jobWhen(program, (JSON.parse(printed) as { id: string }).id)).result)
      : printed;
    answers.set(`${page} ${index}`, answer.replaceAll(`http://127.0.0.1:${peer.port}`, "https://hooks.example.com"));
    learnIds(shown, answer);
    if (!UPDATES_PAGES) expect(shapeOf(JSON.parse(answer))).toEqual(shapeOf(JSON.parse(shown)));
  },
);
