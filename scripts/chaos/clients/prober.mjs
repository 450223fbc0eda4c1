// A thread that submits one small job after the other at a steady rate, like another caller, and posts each answer. It
// is a thread because the work of the harness would delay its measurements.
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

const { urls, perSecond, body } = workerData;
const ANSWER_WITHIN_MS = 15_000;
const TICK_MS = 5;
// A replica closes a connection that is idle for 10 s, so this thread stops using it earlier.
const agent = new Agent({ keepAlive: true, timeout: 4_000 });
const underWay = new Set();
let isStopped = false;

function submit(number) {
  const key = `p${number}`;
  const text = body.replaceAll("KEY", key);
  const startedAt = performance.now();
  const report = (status, answer) =>
    parentPort.postMessage({
      key,
      at: performance.timeOrigin + startedAt,
      ms: performance.now() - startedAt,
      status,
      answer,
    });
  return new Promise((resolve) => {
    const options = {
      agent,
      method: "POST",
      headers: { "content-type": "application/json", "content-length": text.length },
      timeout: ANSWER_WITHIN_MS,
    };
    const sent = request(`${urls[number % urls.length]}/api/v1/jobs`, options, (response) => {
      let answer = "";
      response
        .setEncoding("utf8")
        .on("data", (chunk) => (answer += chunk))
        .on("end", () => resolve(report(response.statusCode, answer)));
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer in time")));
    sent.on("error", (error) => resolve(report(0, String(error.code ?? error.message)))).end(text);
  });
}

parentPort.once("message", () => (isStopped = true));
const startedAt = performance.now();
for (let sent = 0; !isStopped; await delay(TICK_MS)) {
  for (; sent < ((performance.now() - startedAt) / 1_000) * perSecond; sent += 1) {
    const one = submit(sent).finally(() => underWay.delete(one));
    underWay.add(one);
  }
}
await Promise.all(underWay);
agent.destroy();
parentPort.postMessage("done");
parentPort.close();
