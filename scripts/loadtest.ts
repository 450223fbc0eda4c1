/** `npm run loadtest`: see HELP in loadtest/options.ts. */
import { randomBytes } from "node:crypto";
import { SingleBar } from "cli-progress";
import type { LoadPeers } from "../src/core/load-test.ts";
import type { JobCounts } from "./loadtest/accounting.ts";
import { openApiCounts, openPostgresCounts } from "./loadtest/accounting.ts";
import { typeSequence } from "./loadtest/mix.ts";
import type { Options } from "./loadtest/options.ts";
import { HELP, parseOptions } from "./loadtest/options.ts";
import { startPeers } from "./loadtest/peers.ts";
import type { PhaseResult } from "./loadtest/phase.ts";
import { runPhase } from "./loadtest/phase.ts";
import type { Report } from "./loadtest/report.ts";
import { makeReport, reportText } from "./loadtest/report.ts";
import type { Closer } from "./loadtest/server.ts";
import { isReady, startServer } from "./loadtest/server.ts";
import { makeBodies } from "./loadtest/submission-bodies.ts";
import type { Submissions, Target } from "./loadtest/submit.ts";
import { submitBurst, submitPaced } from "./loadtest/submit.ts";

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  const closers: Closer[] = [];
  const close = async (): Promise<void> => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer();
  };
  const interrupted = new Promise<never>((_resolve, reject) =>
    process.once("SIGINT", () => reject(new Error("interrupted"))),
  );
  try {
    const report = await Promise.race([run(options, closers), interrupted]);
    process.stdout.write(options.isJson ? `${JSON.stringify(report, null, 2)}\n` : `\n${reportText(report)}`);
    return report.problems.length === 0 ? 0 : 1;
  } finally {
    await close();
  }
}

async function run(options: Options, closers: Closer[]): Promise<Report> {
  const peers = await startPeers(options.peerHost);
  closers.push(() => peers.close());
  const { target, jobCounts, stop } = await openTarget(options, peers.smtpUrl, closers);
  const image = await (await fetch(peers.imageUrl.replace(options.peerHost, "127.0.0.1"))).arrayBuffer();
  const sources: LoadPeers = { ...peers, imageBase64: Buffer.from(image).toString("base64") };
  const before = await peers.counts();
  const runTag = `loadtest-${randomBytes(6).toString("hex")}`;

  const phase = async (name: string, jobs: number, submit: typeof submitBurst, pace: number): Promise<PhaseResult> => {
    const tag = `${runTag}-${name}`;
    const body = makeBodies(sources, [runTag, tag]);
    const types = typeSequence(options.mix, jobs);
    return withBar(name, jobs, (onProgress) =>
      runPhase({
        tag,
        jobCounts,
        onProgress,
        submit: (into: Submissions) => submit({ target, types, body }, pace, into),
      }),
    );
  };
  const burst = await phase("burst", options.jobs, submitBurst, options.concurrent);
  const paced =
    options.pacedSeconds === 0
      ? null
      : await phase("paced", options.rate * options.pacedSeconds, submitPaced, options.rate);
  const after = await peers.counts();
  const report = makeReport({
    burst,
    paced,
    source: jobCounts.source,
    peers: { ...after, images: after.images - before.images },
  });
  const exitCode = await stop();
  return exitCode === 0
    ? report
    : { ...report, problems: [...report.problems, `the server ended with code ${exitCode ?? "none"}`] };
}

interface Opened {
  readonly target: Target;
  readonly jobCounts: JobCounts;
  /** Stops the server if this process started it; resolves to its exit code. */
  readonly stop: () => Promise<number | null>;
}

async function openTarget({ url, key, databaseUrl }: Options, smtpUrl: string, closers: Closer[]): Promise<Opened> {
  if (url === undefined) {
    const server = await startServer(smtpUrl, closers);
    const jobCounts = await openPostgresCounts(server.databaseUrl);
    closers.push(() => jobCounts.close());
    return { target: { url: server.url, key: undefined }, jobCounts, stop: () => server.stop() };
  }
  if (!(await isReady(url))) throw new Error(`the server at ${url} is not ready`);
  const target = { url, key };
  const jobCounts = databaseUrl === undefined ? openApiCounts(target) : await openPostgresCounts(databaseUrl);
  closers.push(() => jobCounts.close());
  return { target, jobCounts, stop: () => Promise.resolve(0) };
}

/** Shows a progress bar on a terminal while a phase runs. */
async function withBar<Result>(
  name: string,
  jobs: number,
  work: (onProgress: (accepted: number, ended: number) => void) => Promise<Result>,
): Promise<Result> {
  const bar = new SingleBar({
    format: `${name} [{bar}] {value}/{total} done, {accepted} accepted, {duration_formatted}`,
    stream: process.stderr,
    clearOnComplete: false,
  });
  if (process.stderr.isTTY) bar.start(jobs, 0, { accepted: 0 });
  try {
    return await work((accepted, ended) => bar.update(ended, { accepted }));
  } finally {
    bar.stop();
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`loadtest: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  },
);
