/** The competitors: the command of each, its endpoint, and the table of its committed outcomes. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MALLOC_MMAP_THRESHOLD, NODE_OPTIONS, UV_THREADPOOL_SIZE } from "../../scripts/node-options.mjs";
import { freePort } from "../../src/embedded/free-port.ts";
import type { Program } from "../program.ts";
import { startProgram } from "../program.ts";
import type { Services } from "../services.ts";

export interface Competitor {
  readonly name: string;
  /** The path that accepts one job. */
  readonly path: string;
  /** The table with a row for each finished job, as the text after `from`. */
  readonly table: string;
  start(services: Services): Promise<Running>;
}

export interface Running {
  readonly url: string;
  readonly program: Program;
}

const SELF = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const JOBS = fileURLToPath(new URL("../jobs", import.meta.url));
/** The SHA-256 of the agreed baseline.mjs: goals refer to exactly this program. */
const BASELINE_SHA256 = "69e741a39961cc4a70c895080db31a9e07654eea340234f51a7cb0e890d4cc1c";

/** @throws {Error} if baseline.mjs differs from the file that the goals refer to. */
export function baselineChecksum(): string {
  const sha256 = createHash("sha256")
    .update(readFileSync(SELF("baseline.mjs")))
    .digest("hex");
  if (sha256 !== BASELINE_SHA256)
    throw new Error(`bench/competitors/baseline.mjs was changed: its SHA-256 is ${sha256}, not ${BASELINE_SHA256}`);
  return sha256;
}

function script(
  name: string,
  file: string,
  table: string,
  settings: Readonly<Record<string, string>> = {},
): Competitor {
  return {
    name,
    path: "/jobs",
    table,
    start: async ({ redisPort, databaseUrl }) => {
      const port = await freePort();
      const program = startProgram([SELF(file)], {
        REDIS_PORT: String(redisPort),
        DATABASE_URL: databaseUrl,
        PORT: String(port),
        ...settings,
      });
      await program.printed(/^listening/m);
      return { url: `http://127.0.0.1:${port}`, program };
    },
  };
}

export const baseline = script("baseline", "baseline.mjs", "floor_jobs");
export const bullmq = script("Fastify + BullMQ + INSERT", "peer.mjs", "peer_jobs");
export const bullmqTuned = script("Fastify + BullMQ + INSERT, tuned", "peer-tuned.mjs", "peer_jobs");
export const pgBoss = script("Fastify + pg-boss", "pg-boss.mjs", "pgboss.job where state = 'completed'");

/** BullMQ as a library, without HTTP; the script prints its time. @param body a body with the payload for its jobs */
export function bullmqAlone(jobs: number, body: string): Competitor {
  const { payload } = JSON.parse(body) as { payload: object };
  return script("BullMQ alone, addBulk", "bullmq-alone.mjs", "", { JOBS: String(jobs), DATA: JSON.stringify(payload) });
}

/** sharp on this many threads, without a queue. @param image the path of the source image */
export function sharpAlone(threads: string, image: string, widths: readonly number[]): Competitor {
  return script("sharp alone", "sharp.mjs", "", {
    THREADS: threads,
    IMAGE: image,
    WIDTHS: widths.join(","),
    UV_THREADPOOL_SIZE,
  });
}

/** The second build as a further competitor; none without a second build. */
export function otherBuild(program: string | undefined, name = "TaskFlow, the other build"): Competitor[] {
  return program === undefined ? [] : [taskflow(program, {}, name)];
}

/**
 * A replica of TaskFlow on its defaults, as npm start runs it.
 * @param program the main.js of a build
 * @param settings environment that differs from the defaults
 */
export function taskflow(
  program: string,
  settings: Readonly<Record<string, string>> = {},
  name = "TaskFlow",
): Competitor {
  return {
    name,
    path: "/api/v1/jobs",
    table: "jobs",
    start: async ({ redisPort, databaseUrl, dataDir }) => {
      const port = await freePort();
      const replica = startProgram([...NODE_OPTIONS, program], {
        SERVER_ADDR: `127.0.0.1:${port}`,
        REDIS_ADDR: `127.0.0.1:${redisPort}`,
        DATABASE_URL: databaseUrl,
        SMTP_URL: "smtp://127.0.0.1:1",
        DATA_DIR: join(dataDir, "taskflow"),
        ARTIFACTS_DIR: join(dataDir, "artifacts"),
        TASKFLOW_JOBS: JOBS,
        LOG_LEVEL: "warn",
        UV_THREADPOOL_SIZE,
        MALLOC_MMAP_THRESHOLD_: MALLOC_MMAP_THRESHOLD,
        ...settings,
      });
      await replica.printed(/serves on http/);
      return { url: `http://127.0.0.1:${port}`, program: replica };
    },
  };
}
