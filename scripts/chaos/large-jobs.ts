/** One caller submits and follows the largest jobs. Their size must not slow down other callers. */

import type { CallerRequest } from "./caller.ts";
import { Caller, jsonPost } from "./caller.ts";
import type { Submission } from "./client.ts";
import { cancelAll, submitOnce, submitUntilAccepted } from "./client.ts";
import { largeCustom, largeEmail, largeImage, MIB } from "./large-payloads.ts";
import type { Entry } from "./ledger.ts";
import { besideOthers } from "./neighbours.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

const LARGE_BYTES = 15 * MIB;
/** Submitted one per second, while the other jobs wait. */
const RUNNING = [
  (key: string) => largeEmail(key, LARGE_BYTES),
  (key: string) => largeImage(key, LARGE_BYTES),
  (key: string) => largeCustom(key, 2_000),
] as const;
const SUBMIT_EVERY_MS = 1_000;
/** The number of jobs that may run or wait for their record, in addition to the waiting ones. */
const RUNNING_AT_ONCE = 8;
/** A mail of 15 MiB, which arrives in some 250 pieces, takes the SMTP server 2 s. */
const SMTP_PAUSE_MS = 8;

export const largeJobs: Scenario = {
  name: "large-jobs",
  fault: "a caller submits, reads, lists, follows and waits for jobs of 15 MiB and 1 MiB",
  seconds: { full: 30, fast: 5 },
  run: async (stage) => {
    await stage.cluster.smtp.behave({ kind: "sink", pauseMs: SMTP_PAUSE_MS });
    const waiting = stage.isFast ? 4 : 10;
    return besideOthers(stage, {
      dataBytes: (waiting + RUNNING_AT_ONCE) * LARGE_BYTES,
      during: () => submitAndFollow(stage, waiting),
    });
  },
};

async function submitAndFollow(stage: Stage, waiting: number): Promise<undefined> {
  const { ledger, cluster, random } = stage;
  const scheduled: { readonly entry: Entry; readonly body: string }[] = [];
  for (let n = 0; n < waiting; n += 1) {
    const { entry, body } = bodyOf(stage, (key) => ({
      ...(n % 3 === 2 ? largeImage : largeEmail)(key, LARGE_BYTES),
      delay_ms: 3_600_000,
    }));
    await submitUntilAccepted(cluster.urlOf, entry, body);
    scheduled.push({ entry, body });
  }
  const ids = scheduled.flatMap(({ entry: { id } }) => id ?? []);
  const [first] = scheduled;
  if (first === undefined || ids.length < waiting)
    stage.expect({ isSo: false, otherwise: `only ${ids.length} of ${waiting} large jobs were accepted` });
  const urls = cluster.alive.map(({ url }) => url);
  const lists = [get("/jobs?tag=nobody"), get("/jobs?type=email&status=scheduled&limit=50")];
  // A repeated submission with the same key is not a new job: it waits for the first one.
  const wait = jsonPost("/api/v1/jobs?wait=1", first?.body ?? "", {
    "idempotency-key": `key-${first?.entry.key ?? ""}`,
  });
  const callers = [
    new Caller({ urls, requests: [...ids.map((id) => get(`/jobs/${id}`)), ...lists], atOnce: 4 }),
    new Caller({ urls, requests: ids.map((id) => get(`/jobs/${id}/events`)), atOnce: 2 * ids.length, holdMs: 2_000 }),
    new Caller({ urls, requests: [wait], atOnce: 1 }),
  ];
  const until = performance.now() + stage.seconds * 1_000;
  const submissions: Promise<void>[] = [];
  for (let n = 0; performance.now() < until; n += 1) {
    const { entry, body } = bodyOf(stage, RUNNING[n % RUNNING.length] ?? RUNNING[0]);
    submissions.push(submitOnce(cluster.urlOf(), entry, body));
    await stage.wait(SUBMIT_EVERY_MS * (0.75 + random() / 2));
  }
  await Promise.all(callers.map((caller) => caller.stop()));
  await Promise.all(submissions);
  for (const [n, what] of ["reads and lists", "streams", "waits"].entries())
    stage.notes.push(`${what}: ${callers[n]?.text ?? ""}`);
  const own = ledger.in("accepted").filter(({ by }) => by === "scenario").length;
  stage.notes.push(`${own} large jobs accepted, ${scheduled.length + submissions.length - own} not`);
  await cancelAll(
    urls[0] ?? "",
    scheduled.map(({ entry }) => entry),
  );
  return undefined;
}

function bodyOf(
  { ledger }: Stage,
  submissionOf: (key: string) => Submission,
): { readonly entry: Entry; readonly body: string } {
  const entry = ledger.open("large");
  return { entry, body: JSON.stringify(submissionOf(entry.key)) };
}

function get(path: string): CallerRequest {
  return { method: "GET", path: `/api/v1${path}` };
}
