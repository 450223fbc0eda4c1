/** A steady load of mixed jobs, from the start of a scenario until its fault is over. */
import { setTimeout as delay } from "node:timers/promises";
import type { Submission } from "./client.ts";
import { submitOnce, submitUntilAccepted } from "./client.ts";
import type { FlowKind } from "./flows.ts";
import { submitFlow } from "./flows.ts";
import type { Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";
import { between, weighted } from "./random.ts";

/** The kinds of jobs in a load: `webhook` and `email` reach the counting peers, `flaky` fails its first attempt. */
type Kind = "noop" | "webhook" | "email" | "sleep" | "cpu" | "flaky" | "delayed";
export type Mix = Readonly<Partial<Record<Kind | FlowKind, number>>>;

export const MIXED: Mix = {
  ...{ noop: 43, webhook: 24, email: 8, sleep: 12, cpu: 4, flaky: 2, delayed: 4 },
  ...{ flow: 2, batch: 1 },
};

const TICK_MS = 25;
/**
 * The share of submissions that carry an Idempotency-Key and are repeated at another replica until they are accepted.
 */
const KEYED_SHARE = 0.3;
/**
 * The limit of concurrent submissions, including those that wait for a repeat. The load has a fixed rate. On a machine
 * that cannot keep up, submissions would pile up in this process, which also runs the proxies and peers, and delay all
 * answers.
 */
const MAX_UNDER_WAY = 300;

export interface LoadOptions {
  readonly ledger: Ledger;
  readonly random: Random;
  /** Returns the URL for the next submission. */
  readonly urlOf: () => string;
  /** The peer's URL: webhooks go to `http://…/hook/KEY`. */
  readonly hookUrl: (key: string) => string;
  readonly mix: Mix;
  readonly jobsPerSecond: number;
}

export class Load {
  readonly #options: LoadOptions;
  readonly #underWay = new Set<Promise<void>>();
  #isStopped = false;
  #loop: Promise<void> | undefined;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Resolves when every request has an answer or has failed. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#loop;
    await Promise.all(this.#underWay);
  }

  async #run(): Promise<void> {
    const startedAt = performance.now();
    let sent = 0;
    while (!this.#isStopped) {
      const due = ((performance.now() - startedAt) / 1_000) * this.#options.jobsPerSecond;
      for (; sent < due; sent += 1) if (this.#underWay.size < MAX_UNDER_WAY) this.#send();
      await delay(TICK_MS);
    }
  }

  #send(): void {
    const { ledger, random, urlOf, hookUrl, mix } = this.#options;
    const kind = weighted(random, mix);
    if (kind === "flow" || kind === "batch") {
      const request = submitFlow({ urlOf, ledger, hookUrl, isKeyed: random() < KEYED_SHARE }, kind).finally(() =>
        this.#underWay.delete(request),
      );
      this.#underWay.add(request);
      return;
    }
    const entry = ledger.open(kind, { by: "load" });
    const body = JSON.stringify({ ...submissionOf(kind, entry.key, random, hookUrl), tags: [entry.key] });
    const request = (
      random() < KEYED_SHARE ? submitUntilAccepted(urlOf, entry, body) : submitOnce(urlOf(), entry, body)
    ).finally(() => this.#underWay.delete(request));
    this.#underWay.add(request);
  }
}

function submissionOf(kind: Kind, key: string, random: Random, hookUrl: (key: string) => string): Submission {
  switch (kind) {
    case "noop":
      return { type: "noop", payload: { key } };
    case "webhook":
      return { type: "webhook", payload: { url: hookUrl(key) } };
    case "email":
      return { type: "email", payload: { to: "you@example.org", subject: key, body: "hello" } };
    case "sleep":
      return { type: "test_io", payload: { do: "sleep", ms: between(random, 20, 400) } };
    case "cpu":
      return { type: "test_cpu", payload: { do: "return", value: key } };
    case "flaky":
      return { type: "test_io", payload: { do: "fail", times: 1 }, max_attempts: 10 };
    case "delayed":
      return { type: "noop", payload: { key }, delay_ms: between(random, 50, 1_500) };
    default:
      return kind satisfies never;
  }
}
