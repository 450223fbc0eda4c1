// A thread that repeats the same requests without a pause, several concurrently, and discards the answers.
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

/** With `holdMs`, all requests of a round begin together, and their connections are closed together after that time. */
const { urls, requests, atOnce, holdMs } = workerData;
const REPORT_EVERY_MS = 200;
const PAUSE_AFTER_ERROR_MS = 50;
const agent = new Agent({ keepAlive: holdMs === undefined, maxSockets: Infinity });
const open = new Set();
const statuses = {};
let bytes = 0;
let sent = 0;
let isStopped = false;

function send() {
  const number = (sent += 1);
  const { method, path, headers = {}, body } = requests[number % requests.length];
  // Each pass over the list starts at the next replica, so each request reaches each replica.
  const url = urls[(number + Math.floor(number / requests.length)) % urls.length];
  return new Promise((resolve) => {
    const one = request(
      `${url}${path}`,
      { agent, method, headers: { ...headers, ...(body && { "content-length": body.length }) } },
      (response) => {
        statuses[response.statusCode] = (statuses[response.statusCode] ?? 0) + 1;
        response.on("data", (chunk) => (bytes += chunk.length));
        response.on("close", () => resolve(true));
        response.on("error", () => undefined);
      },
    );
    one.on("error", () => resolve(false)); // closed by this thread, or by the replica
    one.on("close", () => open.delete(one));
    open.add(one);
    one.end(body);
  });
}

async function sendInTurn() {
  while (!isStopped) {
    const isAnswered = await send();
    if (!isAnswered) await delay(PAUSE_AFTER_ERROR_MS);
  }
}

async function sendInRounds() {
  while (!isStopped) {
    const round = Promise.all(Array.from({ length: atOnce }, send));
    await delay(holdMs);
    for (const one of open) one.destroy();
    await round;
  }
}

const report = () => parentPort.postMessage({ statuses, bytes, sent });
const reports = setInterval(report, REPORT_EVERY_MS);
parentPort.once("message", () => {
  isStopped = true;
  for (const one of open) one.destroy();
});
await (holdMs === undefined ? Promise.all(Array.from({ length: atOnce }, sendInTurn)) : sendInRounds());
clearInterval(reports);
agent.destroy();
report();
parentPort.postMessage("done");
parentPort.close();
