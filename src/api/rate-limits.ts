/**
 * What a key may still do: requests by its rate, jobs by its quota. The checks of one turn of the event loop travel in one
 * call, and a key without limits makes none. Where Redis does not answer, requests pass: limits share a system out, they
 * do not guard it.
 */
import type { ApiKey } from "../core/api-key.ts";
import type { RatePolicy } from "../core/rate-policy.ts";
import type { Allowance, Taking } from "../queue/allowances.ts";
import type { Answer } from "./exchange.ts";
import { problem } from "./problem.ts";

export interface RateLimitsOptions {
  readonly take: (requests: readonly (readonly Taking[])[]) => Promise<Allowance[][]>;
  /** Of keys that have none of their own. */
  readonly rate: RatePolicy | null;
  readonly quota: RatePolicy | null;
}

export type Headers = readonly (readonly [name: string, value: string])[];

/** What came of a check: what the answer says of the limits, and the refusal where they do not suffice. */
export interface Limited {
  readonly headers: Headers;
  readonly refusal: Answer | undefined;
}

interface Check {
  readonly takings: readonly Taking[];
  readonly done: (limited: Limited) => void;
}

const PASSED: Limited = { headers: [], refusal: undefined };
const REFUSALS = {
  requests: { code: "rate_limited", detail: "This API key has made too many requests." },
  jobs: { code: "quota_exceeded", detail: "This API key has submitted as many jobs as it may for now." },
} as const;
type Kind = keyof typeof REFUSALS;

export class RateLimits {
  readonly #options: RateLimitsOptions;
  #waiting: Check[] = [];

  constructor(options: RateLimitsOptions) {
    this.#options = options;
  }

  /** Whether anything limits a request of this key. */
  isLimited(caller: ApiKey, submits: boolean): boolean {
    return this.#policy(caller, "requests") !== undefined || (submits && this.#policy(caller, "jobs") !== undefined);
  }

  /** Takes one request, and a job where it submits any. `done` is called once, never at once. */
  check(caller: ApiKey, submits: boolean, done: (limited: Limited) => void): void {
    const takings = [this.#taking(caller, "requests", 1, false), submits ? this.#taking(caller, "jobs", 1, false) : undefined].filter((taking) => taking !== undefined);
    this.#add({ takings, done });
  }

  /** A batch of so many jobs was let in as one: takes the others. They may exceed what is left; then the next has to wait. */
  charge(caller: ApiKey, jobs: number): void {
    const taking = jobs > 0 ? this.#taking(caller, "jobs", jobs, true) : undefined;
    if (taking) this.#add({ takings: [taking], done: () => undefined });
  }

  #policy(caller: ApiKey, kind: Kind): RatePolicy | undefined {
    return (kind === "requests" ? (caller.rate ?? this.#options.rate) : (caller.quota ?? this.#options.quota)) ?? undefined;
  }

  #taking(caller: ApiKey, kind: Kind, cost: number, isUsed: boolean): Taking | undefined {
    const policy = this.#policy(caller, kind);
    return policy && { name: `${caller.id}:${kind}`, policy, cost, isUsed };
  }

  #add(check: Check): void {
    this.#waiting.push(check);
    if (this.#waiting.length === 1) setImmediate(() => this.#send());
  }

  #send(): void {
    const checks = this.#waiting;
    this.#waiting = [];
    this.#options.take(checks.map(({ takings }) => takings)).then(
      (answers) => checks.forEach(({ takings, done }, i) => done(limitedBy(takings, answers[i] ?? []))),
      () => checks.forEach(({ done }) => done(PASSED)),
    );
  }
}

/** The headers of draft-ietf-httpapi-ratelimit-headers-10. */
function limitedBy(takings: readonly Taking[], allowances: readonly Allowance[]): Limited {
  const named = takings.map((taking, i) => ({ kind: taking.name.slice(taking.name.indexOf(":") + 1) as Kind, policy: taking.policy, allowance: allowances[i] }));
  const headers: Headers = [
    ["RateLimit-Policy", named.map(({ kind, policy }) => `"${kind}";q=${policy.quota};w=${policy.windowMs / 1_000}`).join(", ")],
    ["RateLimit", named.map(({ kind, allowance }) => `"${kind}";r=${allowance?.left ?? 0};t=${Math.ceil((allowance?.wholeInMs ?? 0) / 1_000)}`).join(", ")],
  ];
  const lacking = named.filter(({ allowance }) => allowance?.suffices === false);
  const [first] = lacking;
  if (!first) return { headers, refusal: undefined };
  const retryAfterMs = Math.max(1_000, ...lacking.map(({ allowance }) => allowance?.fitsInMs ?? 0));
  const { code, detail } = REFUSALS[first.kind];
  return { headers, refusal: problem(429, code, detail, { retryAfterMs }) };
}
