/** Asks replicas for the logs of the jobs that event streams follow. Requests of one turn travel together. */
import type { LogChannel, LogRequest } from "../../queue/log-channel.ts";

export class LogRequests {
  readonly #channel: Pick<LogChannel, "request">;
  readonly #byWorker = new Map<string, LogRequest[]>();

  constructor(channel: Pick<LogChannel, "request">) {
    this.#channel = channel;
  }

  add(worker: string, request: LogRequest): void {
    if (this.#byWorker.size === 0) setImmediate(() => this.#send());
    const requests = this.#byWorker.get(worker);
    if (requests) requests.push(request);
    else this.#byWorker.set(worker, [request]);
  }

  #send(): void {
    for (const [worker, requests] of this.#byWorker) {
      // Redis is unavailable: the next beat of the streams repeats the request.
      this.#channel.request(worker, requests).catch(() => undefined);
    }
    this.#byWorker.clear();
  }
}
