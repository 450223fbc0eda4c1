/** Failing mail servers and webhook receivers. The tests of the job types go into more detail. */
import type { HttpPeer, PeerReply, PeerRequest } from "../../src/testing/http-peer.ts";
import { answer, redirect, retryAfter } from "../../src/testing/http-peer.ts";
import type { SmtpBehaviour } from "../../src/testing/smtp-peer.ts";
import type { JobBody } from "./client.ts";
import type { Scenario } from "./scenario.ts";
import type { AnySubmission, Stage } from "./stage.ts";

const QUICK_RETRIES = { RETRY_BASE_MS: "200", RETRY_MAX_MS: "400" };
const MIB = 1024 * 1024;

interface SmtpCase {
  readonly behaviour: SmtpBehaviour;
  /** The time at which the server works again; undefined: after the job has ended. */
  readonly mendAfterMs?: number;
  readonly ends: string;
  readonly sent: number;
}

const SMTP_CASES: readonly SmtpCase[] = [
  { behaviour: { kind: "greylist", first: 2 }, ends: "completed", sent: 1 },
  { behaviour: { kind: "answer", at: "rcpt", code: 452 }, mendAfterMs: 300, ends: "completed", sent: 1 },
  { behaviour: { kind: "answer", at: "rcpt", code: 550 }, ends: "smtp_550", sent: 0 },
  { behaviour: { kind: "answer", at: "data", code: 554 }, ends: "smtp_554", sent: 0 },
  { behaviour: { kind: "refuse" }, mendAfterMs: 300, ends: "completed", sent: 1 },
  { behaviour: { kind: "hang" }, mendAfterMs: 2_000, ends: "completed", sent: 1 },
  // the server received the mail without an answer, so its delivery is unknown and the job does not send it again
  { behaviour: { kind: "drop-after-data" }, mendAfterMs: 300, ends: "delivery_unknown", sent: 1 },
];

export const smtp: Scenario = {
  name: "smtp",
  fault: "4xx, 5xx, refused, hang, cut after DATA",
  seconds: { full: 0 },
  env: () => ({ ...QUICK_RETRIES, SMTP_GREYLIST_MS: "1000" }),
  jobCounts: { peersAreFaulty: true },
  run: async (stage) => {
    const peer = stage.cluster.smtp;
    for (const { behaviour, mendAfterMs, ends, sent } of SMTP_CASES) {
      const before = peer.messages.length;
      await peer.behave(behaviour);
      const entry = await stage.submitSurely({
        type: "email",
        payload: (key) => ({ to: "you@example.org", subject: key, body: "hello" }),
        max_attempts: 20,
      });
      if (mendAfterMs !== undefined) {
        await stage.wait(mendAfterMs);
        await peer.behave({ kind: "accept" });
      }
      const [job] = await stage.ended([entry]);
      const took = peer.messages.slice(before);
      const end = endOf(job);
      stage.expect({
        isSo: end === ends && took.length === sent,
        otherwise: `SMTP ${behaviour.kind}: ended ${end} with ${took.length} mails, not ${ends} with ${sent}`,
      });
      stage.expect({
        isSo: new Set(took.map(({ mail }) => mail.messageId)).size <= 1,
        otherwise: `SMTP ${behaviour.kind}: a repeat has another Message-ID`,
      });
      await peer.behave({ kind: "accept" });
    }
    return undefined;
  },
};

function endOf(job: JobBody | undefined): string {
  return job?.error?.code ?? job?.status ?? "nowhere";
}

/** The peer's answer depends on the path and on the number of its earlier requests. */
function respondByPath(peer: HttpPeer): void {
  const asked = new Map<string, number>();
  const replies: Readonly<Record<string, (times: number) => PeerReply>> = {
    "/500": (times) => answer(times <= 2 ? 500 : 200),
    "/429": (times) => (times <= 2 ? retryAfter("1") : answer(200)),
    "/410": () => answer(410),
    "/drip": () => ({ kind: "drip", everyMs: 100 }),
    "/endless": () => ({ kind: "endless" }),
    "/hang": () => ({ kind: "hang" }),
    "/drop": (times) => (times === 1 ? { kind: "drop" } : answer(200)),
    "/loop": () => redirect("/loop"),
    "/metadata": () => redirect("http://169.254.169.254/latest"),
  };
  peer.respond(({ path }: PeerRequest) => {
    const times = (asked.get(path) ?? 0) + 1;
    asked.set(path, times);
    return replies[path]?.(times) ?? answer(200);
  });
}

interface WebhookCase {
  readonly path: string;
  readonly fields?: object;
  readonly payload?: object;
  readonly ends: string;
  readonly attempt: number;
  readonly requests: number;
}

const WEBHOOK_CASES: readonly WebhookCase[] = [
  { path: "/500", ends: "completed", attempt: 3, requests: 3 },
  { path: "/429", ends: "completed", attempt: 1, requests: 3 },
  { path: "/410", ends: "http_410", attempt: 1, requests: 1 },
  {
    path: "/drip",
    payload: { timeout_ms: 1_000 },
    fields: { max_attempts: 1 },
    ends: "timeout",
    attempt: 1,
    requests: 1,
  },
  {
    path: "/hang",
    payload: { timeout_ms: 1_000 },
    fields: { max_attempts: 2 },
    ends: "timeout",
    attempt: 2,
    requests: 2,
  },
  { path: "/endless", ends: "completed", attempt: 1, requests: 1 },
  { path: "/drop", ends: "completed", attempt: 2, requests: 2 },
  { path: "/loop", payload: { follow_redirects: 5 }, ends: "too_many_redirects", attempt: 1, requests: 6 },
  { path: "/metadata", payload: { follow_redirects: 5 }, ends: "target_refused", attempt: 1, requests: 1 },
];

/**
 * Spellings of this machine's address, and a name that resolves to it. outbound.test.ts covers names whose answer
 * changes: here no resolver can be replaced.
 */
const OWN_HOSTS = ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:7f00:1]", "0.0.0.0", "localhost"];

export const webhook: Scenario = {
  name: "webhook",
  fault: "500, 429, 410, drip, hang, endless body, redirects without end, redirect to metadata, private targets",
  seconds: { full: 0, fast: 0 },
  slots: [{}],
  env: () => QUICK_RETRIES,
  jobCounts: { peersAreFaulty: true },
  run: async (stage) => {
    const { cluster } = stage;
    respondByPath(cluster.http);
    await Promise.all(WEBHOOK_CASES.map((one) => playWebhook(stage, one)));
    // most of these bytes are in the kernel's buffers
    stage.expect({
      isSo: cluster.http.bytesSent < 8 * MIB,
      otherwise: `${cluster.http.bytesSent} bytes of an endless body were read`,
    });
    await cluster.replica(0).term();
    await cluster.boot(0, { OUTBOUND_ALLOW_PRIVATE: "false" });
    const before = cluster.http.requests.length;
    const ends = await Promise.all(
      OWN_HOSTS.map((host) => stage.outcome(webhookTo(`http://${host}:${cluster.http.port}/private`))),
    );
    OWN_HOSTS.forEach((host, i) =>
      stage.expect({
        isSo: endOf(ends[i]) === "target_refused",
        otherwise: `a webhook to ${host} ended ${endOf(ends[i])}`,
      }),
    );
    stage.expect({ isSo: cluster.http.requests.length === before, otherwise: "a webhook reached a private address" });
    return undefined;
  },
};

function webhookTo(url: string, payload: object = {}, fields: object = {}): AnySubmission {
  return { type: "webhook", payload: { url, ...payload }, ...fields };
}

async function playWebhook(
  stage: Stage,
  { path, payload, fields, ends, attempt, requests }: WebhookCase,
): Promise<void> {
  const { http } = stage.cluster;
  const job = await stage.outcome(webhookTo(http.url(path), payload, fields));
  const reached = http.requests.filter((request) => request.path === path).length;
  const isRight = endOf(job) === ends && job.attempt === attempt && reached === requests;
  stage.expect({
    isSo: isRight,
    otherwise: `webhook ${path}: ${endOf(job)} after ${job.attempt} attempts and ${reached} requests, not ${ends}, ${attempt} and ${requests}`,
  });
}
