// peer.mjs tuned as far as its libraries allow: jobs of one event-loop tick are added in one addBulk, 500 run at once,
// and one INSERT stores the rows of all waiting jobs, at most two statements at a time; a job completes when its row is
// committed. Environment and output as peer.mjs.
import { randomUUID } from "node:crypto";
import { Queue, Worker } from "bullmq";
import Fastify from "fastify";
import { Redis } from "ioredis";
import pg from "pg";

const CONCURRENCY = 500;
// Two: while one statement commits, the next one fills.
const INSERTS_IN_FLIGHT = 2;

const connect = () =>
  new Redis({
    host: "127.0.0.1",
    port: Number(process.env.REDIS_PORT ?? 6379),
    db: 15,
    maxRetriesPerRequest: null,
    enableAutoPipelining: true,
  });
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: INSERTS_IN_FLIGHT });
await pool.query(`
  drop table if exists peer_jobs;
  create table peer_jobs (id uuid primary key, type text not null, status text not null, payload jsonb, result jsonb,
    attempts int, created_at timestamptz, started_at timestamptz, finished_at timestamptz)`);

const queue = new Queue("peer", { connection: connect(), streams: { events: { maxLen: 0 } } });
await queue.obliterate({ force: true });

let additions = [];
async function flushAdditions() {
  const batch = additions;
  additions = [];
  try {
    await queue.addBulk(batch.map(({ job }) => job));
    for (const { resolve } of batch) resolve();
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}

function add(job) {
  return new Promise((resolve, reject) => {
    additions.push({ job, resolve, reject });
    if (additions.length === 1) setImmediate(flushAdditions);
  });
}

const app = Fastify();
const body = {
  type: "object",
  required: ["type", "payload"],
  properties: { type: { type: "string" }, payload: { type: "object", additionalProperties: true } },
};
const response = { 202: { type: "object", properties: { id: { type: "string" }, status: { type: "string" } } } };
app.post("/jobs", { schema: { body, response } }, async (request, reply) => {
  const id = randomUUID();
  await add({
    name: request.body.type,
    data: request.body.payload,
    opts: { jobId: id, attempts: 3, backoff: { type: "exponential", delay: 1000 }, removeOnComplete: true },
  });
  reply.code(202);
  return { id, status: "queued" };
});

const insert = {
  name: "insert",
  text: `insert into peer_jobs select id, type, 'completed', payload, '{"ok":true}', 1, at, at, at
    from unnest($1::uuid[], $2::text[], $3::jsonb[], $4::timestamptz[]) as row (id, type, payload, at)`,
};
let rows = [];
let inserting = 0;
async function flushRows() {
  if (inserting === INSERTS_IN_FLIGHT) return;
  inserting += 1;
  while (rows.length > 0) {
    const batch = rows;
    rows = [];
    const column = (of) => batch.map(({ job, at }) => of(job, at));
    try {
      await pool.query({
        ...insert,
        values: [
          column((job) => job.id),
          column((job) => job.name),
          column((job) => JSON.stringify(job.data)),
          column((_, at) => at),
        ],
      });
      for (const { resolve } of batch) resolve({ ok: true });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
  inserting -= 1;
}

new Worker(
  "peer",
  (job) =>
    new Promise((resolve, reject) => {
      rows.push({ job, at: new Date(), resolve, reject });
      if (rows.length === 1) setImmediate(flushRows);
    }),
  { connection: connect(), concurrency: CONCURRENCY },
);

await app.listen({ port: Number(process.env.PORT ?? 9913) });
console.log("listening");
