/** Bodies that are much cheaper to send than to reject, and emails that are much cheaper to send than to render. */
import { fileURLToPath } from "node:url";
import type { CallerRequest } from "./caller.ts";
import { Caller, jsonPost } from "./caller.ts";
import { besideOthers } from "./neighbours.ts";
import type { Scenario } from "./scenario.ts";
import type { AnySubmission, Stage } from "./stage.ts";

const MIB = 1024 * 1024;
/** A body of a batch may have 16 MiB. */
const BATCH_BYTES = 16 * MIB - 100;
/** A replica parses larger bodies on a thread. */
const MAIN_THREAD_BYTES = 256 * 1024;
const AT_ONCE = 3;
const TEMPLATE_EVERY_MS = 2_000;
/** Elements of both lists: a template with a section in a section turns 18 KB into 20 million turns. */
const NESTED = 4_500;

function filled(piece: string, bytes: number): string {
  return piece.repeat(Math.floor(bytes / piece.length));
}

function numbered(piece: (n: number) => string, count: number): string {
  return Array.from({ length: count }, (_, n) => piece(n)).join(",");
}

function exportOf(fields: string): string {
  return `{"type":"data_export","payload":{"format":"csv",${fields}}}`;
}

const JOBS = "/api/v1/jobs";
const BATCH = "/api/v1/jobs/batch";
/** A replica rejects each of these bodies by any of its checks, and creates no job. */
function hostileRequests(): CallerRequest[] {
  const digits = `${"1".repeat(65_000)}x`;
  const query = (x: string): string => exportOf(`"source":{"query":"numbers","params":{"x":${x}}}`);
  const columns = (bytes: number): string => exportOf(`"columns":[${filled('"a",', bytes)}"a"],"source":{"rows":[]}`);
  return [
    jsonPost(JOBS, columns(MAIN_THREAD_BYTES - 1_024)),
    jsonPost(JOBS, columns(MIB)),
    jsonPost(JOBS, query(`"${digits}"`)),
    jsonPost(JOBS, query(`["${digits}","${digits}","${digits}"]`)),
    jsonPost(JOBS, `{"type":"webhook","payload":{"url":${"1".repeat(1_000_000)}}}`),
    jsonPost(JOBS, `{"type":"email","payload":{${numbered((n) => `"k${n}":1`, 15_000)}}}`),
    jsonPost(JOBS, `{"type":"email","payload":{"data":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`),
    ...["[],", "{},", "null,", '"",'].map((piece) => jsonPost(BATCH, `{"jobs":[${filled(piece, BATCH_BYTES)}0]}`)),
    jsonPost(BATCH, `{"jobs":[],${numbered((n) => `"k${n}":0`, 1_000_000)}}`),
    jsonPost(BATCH, `{"jobs":${"[".repeat(BATCH_BYTES / 2)}${"]".repeat(BATCH_BYTES / 2)}}`),
    jsonPost(BATCH, `{"jobs":[${numbered((n) => `{"type":"email","payload":{"to":"nobody","k${n}":[]}}`, 10_000)}]}`),
    jsonPost(BATCH, `{"jobs":[${numbered((n) => `{"type":"nothing","priority":"high","k${n}":{}}`, 10_000)}]}`),
    jsonPost(BATCH, filled('{"type":"webhook","payload":{"url":7}}\n', MIB), {
      "content-type": "application/x-ndjson",
    }),
    jsonPost(BATCH, filled("[]\n", BATCH_BYTES), { "content-type": "application/x-ndjson" }),
  ];
}

export const hostileBodies: Scenario = {
  name: "hostile-bodies",
  fault: "a caller sends bodies that are expensive to reject, and emails that are expensive to render",
  seconds: { full: 60, fast: 8 },
  env: () => ({ EMAIL_TEMPLATES_DIR: folder("templates"), EXPORT_QUERIES_DIR: folder("queries") }),
  run: (stage) => {
    const requests = hostileRequests(); // they take seconds to make
    return besideOthers(stage, { dataBytes: 0, during: () => sendAll(stage, requests) });
  },
};

function folder(name: string): string {
  return fileURLToPath(new URL(`./${name}`, import.meta.url));
}

async function sendAll(stage: Stage, requests: readonly CallerRequest[]): Promise<undefined> {
  const caller = new Caller({ urls: stage.cluster.alive.map(({ url }) => url), requests, atOnce: AT_ONCE });
  const until = performance.now() + stage.seconds * 1_000;
  const emails: Promise<unknown>[] = [];
  while (performance.now() < until) {
    emails.push(stage.submit(nestedEmail()));
    await stage.wait(TEMPLATE_EVERY_MS);
  }
  await caller.stop();
  await Promise.all(emails);
  stage.notes.push(`bodies: ${caller.text}; ${emails.length} emails with nested lists`);
  const odd = Object.keys(caller.statuses).filter((status) => !/^(?:4\d\d|503)$/.test(status));
  stage.expect({ isSo: odd.length === 0, otherwise: `invalid bodies were answered with ${odd.join(", ")}` });
  stage.expect({
    isSo: Object.keys(caller.statuses).some((status) => status.startsWith("4")),
    otherwise: "no body was rejected",
  });
  return undefined;
}

function nestedEmail(): AnySubmission {
  const data = { orders: new Array(NESTED).fill({}), lines: new Array(NESTED).fill(1) };
  return {
    type: "email",
    payload: (key: string) => ({ to: "you@example.org", subject: key, template: "lines", data }),
    max_attempts: 1,
  };
}
