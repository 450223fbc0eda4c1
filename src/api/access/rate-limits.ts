/**
 * The limits of API keys: requests by a rate, jobs and bytes by quotas. The checks of one turn of the event loop share
 * one call to Redis; a key without limits needs none. If Redis does not answer, requests pass: the limits share the
 * system fairly, they do not protect it.
 *
 * A request is charged when it arrives. A job is charged when it has been enqueued, so that rejected and replayed
 * submissions cost nothing. So a submission passes while any quota is left, and concurrent ones may exceed the quota
 * together.
 */
import type { Caller } from "../../core/api-key.ts";
import type { RatePolicy } from "../../core/rate-policy.ts";
import type { TokenBucket, TokenRequest } from "../../queue/token-buckets.ts";
import type { Answer } from "../http/exchange.ts";
import { problem } from "../http/problem.ts";

export interface RateLimitsOptions {
  readonly take: (requests: readonly (readonly TokenRequest[])[]) => Promise<TokenBucket[][]>;
  /** The limits of keys that set none. */
  readonly rate: RatePolicy | null;
  readonly quota: RatePolicy | null;
  /** The quota of bytes of every key; absent for none. */
  readonly bytes?: RatePolicy | null;
}

type Headers = readonly (readonly [name: string, value: string])[];

/** The result of a check. */
export interface Limited {
  /** The headers that report the limits, after the request has enqueued so many jobs with so many bytes of payloads. */
  readonly headersAfter: (jobs: number, bytes: number) => Headers;
  /** Set if a limit is exceeded. */
  readonly rejection: Answer | undefined;
}

/** Whether the request is a submission, which the quotas of jobs apply to. */
export interface RequestKind {
  readonly takesJobs: boolean;
}

interface Check {
  readonly takings: readonly TokenRequest[];
  readonly done: (limited: Limited) => void;
}

const PASSED: Limited = { headersAfter: () => [], rejection: undefined };
const REJECTIONS = {
  requests: { code: "rate_limited", detail: "This API key has made too many requests." },
  jobs: { code: "quota_exceeded", detail: "This API key has used up its quota of jobs." },
  bytes: { code: "quota_exceeded", detail: "This API key has used up its quota of payload bytes." },
} as const;
type Kind = keyof typeof REJECTIONS;

/** The name of a token bucket in Redis. @param key the id of the API key */
export function tokenBucketName(key: string, kind: Kind): string {
  return `${key}:${kind}`;
}

export class RateLimits {
  readonly #options: RateLimitsOptions;
  #waiting: Check[] = [];

  constructor(options: RateLimitsOptions) {
    this.#options = options;
  }

  /** Whether any limit applies to a request of this key. */
  isLimited(caller: Caller, { takesJobs }: RequestKind): boolean {
    return (
      this.#policy(caller, "requests") !== undefined ||
      (takesJobs && (this.#policy(caller, "jobs") ?? this.#policy(caller, "bytes")) !== undefined)
    );
  }

  /** Charges one request, and checks the quotas if it submits jobs. `done` is called once, in a later turn. */
  check(caller: Caller, { takesJobs }: RequestKind, done: (limited: Limited) => void): void {
    const ofJobs = takesJobs ? [this.#taking(caller, "jobs", 0, 1), this.#taking(caller, "bytes", 0, 1)] : [];
    const takings = [this.#taking(caller, "requests", 1, 1), ...ofJobs].filter((taking) => taking !== undefined);
    this.#add({ takings, done });
  }

  /** Charges jobs that were enqueued. They may exceed the quota; then the next submission has to wait. */
  charge(caller: Caller, jobs: number, bytes: number): void {
    const takings = [this.#taking(caller, "jobs", jobs, 0), this.#taking(caller, "bytes", bytes, 0)].filter(
      (taking) => taking !== undefined,
    );
    if (takings.length > 0) this.#add({ takings, done: () => undefined });
  }

  #policy(caller: Caller, kind: Kind): RatePolicy | undefined {
    const { rate, quota, bytes } = this.#options;
    const policies = { requests: caller.rate ?? rate, jobs: caller.quota ?? quota, bytes };
    return policies[kind] ?? undefined;
  }

  #taking(caller: Caller, kind: Kind, cost: number, needed: number): TokenRequest | undefined {
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

/** One limit and its current state. */
interface QuotaState extends TokenBucket {
  readonly kind: Kind;
  readonly policy: RatePolicy;
}
const UNREPORTED: TokenBucket = { suffices: true, left: 0, wholeInMs: 0, fitsInMs: 0 };

function limitedBy(takings: readonly TokenRequest[], tokenBuckets: readonly TokenBucket[]): Limited {
  const quotaStates = takings.map(
    ({ name, policy }, i): QuotaState => ({
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

/**
 * The headers of draft-ietf-httpapi-ratelimit-headers-10.
 * @param since what the request has enqueued after the check
 */
function headersOf(quotaStates: readonly QuotaState[], since: Readonly<Record<Kind, number>>): Headers {
  const leftOf = ({ kind, policy, left, wholeInMs }: QuotaState): string => {
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
