/**
 * Calls a server's liveness check continuously on a thread, because the work of the test would delay the calls.
 */
import { Worker } from "node:worker_threads";

const CODE = `
const { parentPort, workerData } = require("node:worker_threads");
const { get, Agent } = require("node:http");
const agent = new Agent({ keepAlive: true });
const times = [];
let isStopped = false;
parentPort.on("message", () => { isStopped = true; });
const ask = () => {
  const startedMs = performance.now();
  const done = () => {
    times.push(performance.now() - startedMs);
    if (isStopped) { parentPort.postMessage(times); parentPort.close(); agent.destroy(); }
    else setTimeout(ask, 10);
  };
  get(workerData, { agent }, (answer) => { answer.resume(); answer.on("end", done); }).on("error", (error) => { throw error; });
};
ask();`;

export class LiveProbe {
  readonly #worker: Worker;

  /** @param url of the replica */
  constructor(url: string) {
    this.#worker = new Worker(CODE, { eval: true, workerData: `${url}/api/v1/health/live` });
  }

  /** Resolves to the time of each answer in milliseconds, the shortest first. */
  async stop(): Promise<number[]> {
    const times = new Promise<number[]>((resolve, reject) =>
      this.#worker.once("message", resolve).once("error", reject),
    );
    this.#worker.postMessage("stop");
    return (await times).sort((a, b) => a - b);
  }
}
