/** A client on a separate thread. Its script is plain JavaScript, because the thread has no compiler. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";

export class ClientThread<Message extends object> {
  readonly #worker: Worker;
  readonly #done: Promise<unknown>;

  /** @param script a file of clients/ @param onMessage called for each message until the thread ends */
  constructor(script: string, workerData: object, onMessage: (message: Message) => void) {
    this.#worker = new Worker(new URL(`./clients/${script}`, import.meta.url), { workerData, execArgv: [] });
    this.#worker.on("message", (message: Message | "done") => {
      if (message !== "done") onMessage(message);
    });
    this.#done = once(this.#worker, "exit"); // rejects with an error that the thread did not catch
    this.#done.catch(() => undefined); // `stop` reports it
  }

  /** Resolves when all its requests have ended. @throws {Error} the error that ended the thread */
  async stop(): Promise<void> {
    this.#worker.postMessage("stop");
    await this.#done;
  }
}
