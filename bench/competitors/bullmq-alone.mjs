// BullMQ without HTTP and Postgres: it adds by addBulk and processes at the same time, in one process. After a warm-up
// it prints `MS n`, from the first add to the last completed. Environment: REDIS_PORT (database 15 is used), JOBS, DATA
// (a job's data as JSON).
import { Queue, Worker } from "bullmq";

const BULK = 1_000;

const connection = {
  host: "127.0.0.1",
  port: Number(process.env.REDIS_PORT ?? 6379),
  db: 15,
  maxRetriesPerRequest: null,
};
const jobs = Number(process.env.JOBS ?? 10_000);
const data = JSON.parse(process.env.DATA ?? "{}");
const opts = { attempts: 3, backoff: { type: "exponential", delay: 1000 }, removeOnComplete: true };

const queue = new Queue("alone", { connection });
await queue.obliterate({ force: true });
let completed = 0;
let target = 0;
let reached = () => {};
new Worker("alone", async () => ({ ok: true }), { connection, concurrency: 100 }).on("completed", () => {
  completed += 1;
  if (completed === target) reached();
});

async function run(count) {
  const done = new Promise((resolve) => {
    reached = resolve;
  });
  completed = 0;
  target = count;
  const startedAt = performance.now();
  for (let left = count; left > 0; left -= BULK) {
    await queue.addBulk(Array.from({ length: Math.min(left, BULK) }, () => ({ name: "noop", data, opts })));
  }
  await done;
  return performance.now() - startedAt;
}

await run(Math.ceil(jobs / 4));
console.log("listening");
console.log("MS", await run(jobs));
