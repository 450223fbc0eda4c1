/** Clients that submit jobs one by one, together several hundred a second, and keep the answers. */
import { setTimeout as delay } from "node:timers/promises";
import { at } from "../core/at.ts";

const CLIENTS = 8;
const PAUSE_MS = 8;

export class Submitters {
  /** The ids that were answered with 202. */
  readonly accepted: string[] = [];
  /** 503, with Retry-After. */
  rejected = 0;
  /** The connection was refused or cut: the job may be there, or not. */
  unanswered = 0;
  /** Any other answer. */
  readonly unexpected: string[] = [];
  readonly #urls: readonly string[];
  readonly #body: string;
  readonly #clients: Promise<void>[];
  #isStopped = false;

  /** Starts immediately. Each client changes to the next URL if it gets no answer. */
  constructor(urls: readonly string[], job: object) {
    this.#urls = urls;
    this.#body = JSON.stringify(job);
    this.#clients = Array.from({ length: CLIENTS }, (_, n) => this.#run(n));
  }

  /** Resolves when all submissions under way are answered. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#clients);
  }

  async #run(first: number): Promise<void> {
    let turn = first;
    while (!this.#isStopped) {
      if (!(await this.#submit(at(this.#urls, turn % this.#urls.length)))) turn += 1;
      await delay(PAUSE_MS);
    }
  }

  /** Whether there was an answer. */
  async #submit(url: string): Promise<boolean> {
    try {
      const answer = await fetch(`${url}/api/v1/jobs`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: this.#body,
      });
      const text = await answer.text();
      if (answer.status === 202) this.accepted.push((JSON.parse(text) as { id: string }).id);
      else if (answer.status === 503 && Number(answer.headers.get("retry-after")) > 0) this.rejected += 1;
      else this.unexpected.push(`${answer.status} ${text}`);
      return true;
    } catch {
      this.unanswered += 1;
      return false;
    }
  }
}
