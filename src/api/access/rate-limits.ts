/**
 * What a key may still do: requests by its rate, jobs by its quota. The checks of one turn of the event loop travel in one
 * call, and a key without limits makes none. Where Redis does not answer, requests pass: limits share a system out, they
 * do not guard it.
 *
 * A request is charged as it comes. A job is charged once it was enqueued, so that a refusal and a repeat cost none: what submits is
 * let in while any job is left, and requests at the same time may exceed the quota by what they bring.
 */
import type { ApiKey } from "../../core/api-key.ts";
import type { RatePolicy } from "../../core/rate-policy.ts";
import type { TokenBucket, TokenRequest } from "../../queue/token-buckets.ts";
import type { Answer } from "../http/exchange.ts";
import { problem } from "../http/problem.ts";

export interface RateLimitsOptions {
  readonly take: (requests: readonly (readonly TokenRequest[])[]) => Promise<TokenBucket[][]>;
  /** Of keys that have none of their own. */
  readonly rate: RatePolicy | null;
  readonly quota: RatePolicy | null;
  /** Of every key; none where it is not given. */
  readonly bytes?: RatePolicy | null;
}

export type Headers = readonly (readonly [name: string, value: string])[];

/** What came of a check. */
export interface Limited {
  /** What the answer says of the limits, once so many jobs of the request, with payloads of so many bytes, were enqueued. */
  readonly headersAfter: (jobs: number, bytes: number) => Headers;
  /** Where they do not suffice. */
  readonly rejection: Answer | undefined;
}

interface Check {
  readonly takings: readonly TokenRequest[];
  readonly done: (limited: Limited) => void;
}

const PASSED: Limited = { headersAfter: () => [], rejection: undefined };
const REJECTIONS = {
  requests: { code: "rate_limited", detail: "This API key has made too many requests." },
  jobs: { code: "quota_exceeded", detail: "This API key has submitted as many jobs as it may for now." },
  bytes: { code: "quota_exceeded", detail: "This API key has submitted as many bytes of payloads as it may for now." },
} as const;
type Kind = keyof typeof REJECTIONS;

/** What an allowance of a key is kept under. @param key its id */
export function tokenBucketName(key: string, kind: Kind): string {
  return `${key}:${kind}`;
}

export class RateLimits {
  readonly #options: RateLimitsOptions;
  #waiting: Check[] = [];

  constructor(options: RateLimitsOptions) {
    this.#options = options;
  }

  /** Whether anything limits a request of this key. */
  isLimited(caller: ApiKey, submits: boolean): boolean {
    return (
      this.#policy(caller, "requests") !== undefined ||
      (submits && (this.#policy(caller, "jobs") ?? this.#policy(caller, "bytes")) !== undefined)
    );
  }

  /** Takes one request, and asks for a job where it submits any. `done` is called once, never at once. */
  check(caller: ApiKey, submits: boolean, done: (limited: Limited) => void): void {
    const ofJobs = submits ? [this.#taking(caller, "jobs", 0, 1), this.#taking(caller, "bytes", 0, 1)] : [];
    const takings = [this.#taking(caller, "requests", 1, 1), ...ofJobs].filter((taking) => taking !== undefined);
    this.#add({ takings, done });
  }

  /** Takes jobs that were enqueued. They may exceed what is left; then the next has to wait. */
  charge(caller: ApiKey, jobs: number, bytes: number): void {
    const takings = [this.#taking(caller, "jobs", jobs, 0), this.#taking(caller, "bytes", bytes, 0)].filter(
      (taking) => taking !== undefined,
    );
    if (takings.length > 0) this.#add({ takings, done: () => undefined });
  }

  #policy(caller: ApiKey, kind: Kind): RatePolicy | undefined {
    const { rate, quota, bytes } = this.#options;
    const policies = { requests: caller.rate ?? rate, jobs: caller.quota ?? quota, bytes };
    return policies[kind] ?? undefined;
  }

  #taking(caller: ApiKey, kind: Kind, cost: number, needed: number): TokenRequest | undefined {
    const policy = this.#policy(caller, kind);
    return policy && { name: tokenBucketName(caller.id, kind), policy, cost, needed };
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

/** One limit, and how it stands. */
interface QueuePosition extends TokenBucket {
  readonly kind: Kind;
  readonly policy: RatePolicy;
}
const UNREPORTED: TokenBucket = { suffices: true, left: 0, wholeInMs: 0, fitsInMs: 0 };

function limitedBy(takings: readonly TokenRequest[], tokenBuckets: readonly TokenBucket[]): Limited {
  const quotaStates = takings.map(
    ({ name, policy }, i): QueuePosition => ({
      kind: name.slice(name.indexOf(":") + 1) as Kind,
      policy,
      ...(tokenBuckets[i] ?? UNREPORTED),
    }),
  );
  const headersAfter = (jobs: number, bytes: number): Headers => headersOf(quotaStates, { requests: 0, jobs, bytes });
  const lacking = quotaStates.filter(({ suffices }) => !suffices);
  const [first] = lacking;
  if (!first) return { headersAfter, rejection: undefined };
  const retryAfterMs = Math.max(1_000, ...lacking.map(({ fitsInMs }) => fitsInMs));
  const { code, detail } = REJECTIONS[first.kind];
  return { headersAfter, rejection: problem(429, code, detail, { retryAfterMs }) };
}

/** The headers of draft-ietf-httpapi-ratelimit-headers-10. @param since what was enqueued meanwhile */
function headersOf(quotaStates: readonly QueuePosition[], since: Readonly<Record<Kind, number>>): Headers {
  const leftOf = ({ kind, policy, left, wholeInMs }: QueuePosition): string => {
    const used = since[kind];
    return `"${kind}";r=${Math.max(0, left - used)};t=${Math.ceil((wholeInMs + (used * policy.windowMs) / policy.quota) / 1_000)}`;
  };
  return [
    [
      "RateLimit-Policy",
      quotaStates.map(({ kind, policy }) => `"${kind}";q=${policy.quota};w=${policy.windowMs / 1_000}`).join(", "),
    ],
    ["RateLimit", quotaStates.map(leftOf).join(", ")],
  ];
}
