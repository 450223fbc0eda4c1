/** Random faults one after the other, with a pause after each. */
import { setTimeout as delay } from "node:timers/promises";
import { at } from "../../src/core/at.ts";
import { between } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

const LEASE_MS = 5_000;
/** The shortest fault lets no lease expire, the longest lets every lease expire. */
const [SHORTEST_MS, LONGEST_MS] = [500, 1.5 * LEASE_MS];
const [SHORTEST_REST_MS, LONGEST_REST_MS] = [200, 4_000];
/** The replica whose connections go through proxies. */
const PROXIED = 0;

type ValidationIssue = (stage: Stage, forMs: number) => Promise<void>;

const FAULTS: Readonly<Record<string, ValidationIssue>> = {
  "replica-kill": async ({ cluster, random }, forMs) => {
    const victim = between(random, 0, 1);
    await cluster.replica(victim).kill();
    await delay(forMs);
    await cluster.boot(victim);
  },
  "redis-kill": async ({ cluster: { services } }, forMs) => {
    await services.redis.kill();
    await delay(forMs);
    await services.redis.restart();
  },
  "redis-pause": async ({ cluster: { services } }, forMs) => {
    services.redis.pause();
    await delay(forMs);
    services.redis.resume();
  },
  "postgres-stop": async ({ cluster: { services } }, forMs) => {
    await services.postgres.stop();
    await delay(forMs);
    await services.postgres.restart();
  },
  "lost-reply": async ({ cluster, random }, forMs) => {
    // the next request to Redis or Postgres may be any: enqueue, claim, settle, renew, forget, COPY
    const lost = cluster.proxy(PROXIED, random() < 0.5 ? "redis" : "postgres").dropNextReply();
    await Promise.race([lost, delay(forMs)]);
  },
  term: async ({ cluster, random, violations }) => {
    const victim = between(random, 0, 1);
    const code = await cluster.replica(victim).term();
    if (code !== 0) violations.push(`a replica that was asked to stop ended with ${code ?? "a signal"}`);
    await cluster.boot(victim);
  },
};

export const soak: Scenario = {
  name: "soak",
  fault: `${Object.keys(FAULTS).join(", ")}, in random order`,
  seconds: { full: 120 },
  slots: [{ through: ["redis", "postgres"] }, {}],
  env: () => ({ LEASE_MS: String(LEASE_MS), DRAIN_MS: "2000" }),
  run: async (stage) => {
    const { random } = stage;
    const names = Object.keys(FAULTS);
    const played: Record<string, number> = {};
    await stage.load(100);
    const deadline = performance.now() + stage.seconds * 1_000;
    while (performance.now() < deadline) {
      const name = at(names, between(random, 0, names.length - 1));
      await FAULTS[name]?.(stage, between(random, SHORTEST_MS, LONGEST_MS));
      played[name] = (played[name] ?? 0) + 1;
      await stage.measureRecovery();
      await stage.wait(between(random, SHORTEST_REST_MS, LONGEST_REST_MS));
    }
    stage.notes.push(
      Object.entries(played)
        .map(([name, times]) => `${name} ${times} ×`)
        .join(", "),
    );
    return undefined;
  },
};
