/**
 * The load generator: wrk if it is on PATH, else autocannon. Each connection waits for an answer before its next
 * request.
 */
import { execFile, execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import autocannon from "autocannon";

interface Load {
  readonly url: string;
  readonly body: string;
  readonly connections: number;
  readonly seconds: number;
}

interface Answers {
  /**
   * The number of requests answered with a status below 400. Requests in flight at the end, at most one per connection,
   * are not counted.
   */
  readonly accepted: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Generator {
  readonly name: string;
  /** @throws {Error} if a request was rejected or got no answer */
  run(load: Load): Promise<Answers>;
}

const run = promisify(execFile);
const WRK_SCRIPT = fileURLToPath(new URL("./post.lua", import.meta.url));

export function findGenerator(): Generator {
  try {
    execFileSync("wrk", ["-v"], { stdio: "ignore" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { name: "autocannon", run: runAutocannon };
  }
  return { name: "wrk", run: runWrk }; // wrk -v exits with 1
}

async function runWrk({ url, body, connections, seconds }: Load): Promise<Answers> {
  const bodyFile = join(tmpdir(), `taskflow-bench-body-${randomUUID()}`);
  writeFileSync(bodyFile, body);
  const args = ["-t", "1", "-c", String(connections), "-d", `${seconds}s`, "--timeout", "30s", "-s", WRK_SCRIPT, url];
  const { stdout } = await run("wrk", args, { env: { ...process.env, BENCH_BODY: bodyFile } }).finally(() =>
    rmSync(bodyFile),
  );
  const [requests = 0, rejected = 0, failed = 0, p50 = 0, p99 = 0] = (/RESULT (.*)/.exec(stdout)?.[1] ?? "")
    .split(" ")
    .map(Number);
  return checked({ accepted: requests, rejected, failed, p50Ms: p50 / 1_000, p99Ms: p99 / 1_000 });
}

async function runAutocannon({ url, body, connections, seconds }: Load): Promise<Answers> {
  const result = await autocannon({
    url,
    body,
    connections,
    duration: seconds,
    method: "POST",
    headers: { "content-type": "application/json" },
    timeout: 30,
  });
  const { latency, non2xx, errors } = result;
  return checked({ accepted: result["2xx"], rejected: non2xx, failed: errors, p50Ms: latency.p50, p99Ms: latency.p99 });
}

function checked({ rejected, failed, ...answers }: Answers & { rejected: number; failed: number }): Answers {
  if (rejected > 0 || failed > 0 || answers.accepted === 0)
    throw new Error(
      `the generator received ${answers.accepted} answers, ${rejected} rejections and ${failed} failures`,
    );
  return answers;
}
