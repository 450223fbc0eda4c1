/** The command-line options of the load test. */
import { parseArgs } from "node:util";
import type { Mix } from "./mix.ts";
import { DEFAULT_MIX, parseMix } from "./mix.ts";

export interface Options {
  /** Jobs of the burst. */
  readonly jobs: number;
  /** Connections that submit at once in the burst. */
  readonly concurrent: number;
  readonly mix: Mix;
  /** Submissions per second of the paced phase. */
  readonly rate: number;
  /** 0 omits the paced phase. */
  readonly pacedSeconds: number;
  /** The URL of a running server; undefined starts one. */
  readonly url: string | undefined;
  /** The URL of the server's Postgres; undefined checks the outcomes through the API. */
  readonly databaseUrl: string | undefined;
  /** An API key of the server at `url`. */
  readonly key: string | undefined;
  /** The name or address by which the server at `url` reaches this machine. */
  readonly peerHost: string;
  readonly isJson: boolean;
}

export const HELP = `npm run loadtest -- [options]

Submits jobs to TaskFlow, lets them do real work against an SMTP and an HTTP peer on this machine, and checks that every
one of them is accounted for. First a burst of all jobs, then a paced phase.

  --jobs=1000           jobs of the burst
  --concurrent=50       connections that submit at once in the burst
  --mix=${[...DEFAULT_MIX].map((pair) => pair.join(":")).join(",")}
  --rate=40             submissions per second of the paced phase
  --paced-seconds=10    its length; 0 leaves it out
  --url=URL             a running server, instead of one that is started with Redis and Postgres of its own. Its webhooks
                        must be allowed to reach this machine (OUTBOUND_ALLOW_PRIVATE=true); its mail goes where its
                        SMTP_URL says
  --database-url=URL    the Postgres of that server; without it the outcomes are checked through the API
  --key=KEY             an API key of that server
  --peer-host=HOST      where that server reaches this machine (127.0.0.1)
  --json                the report as JSON, and nothing else, on standard output

Exit code 1: a job is missing, fewer than 99.5 % completed, or mean pickup of the paced phase is over 100 ms. 2: it could not run.
`;

const FLAGS = {
  jobs: { type: "string", default: "1000" },
  concurrent: { type: "string", default: "50" },
  mix: { type: "string" },
  rate: { type: "string", default: "40" },
  "paced-seconds": { type: "string", default: "10" },
  url: { type: "string" },
  "database-url": { type: "string" },
  key: { type: "string" },
  "peer-host": { type: "string", default: "127.0.0.1" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/**
 * Parses the command line; undefined for `--help`.
 * @throws {Error} with one sentence about the first invalid option
 */
export function parseOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({ args: [...args], options: FLAGS, strict: true });
  if (values.help) return undefined;
  const mix = values.mix === undefined ? DEFAULT_MIX : parseMix(values.mix);
  if (mix === undefined)
    throw new Error(`--mix: expected type:share pairs such as email:70,webhook:30, got "${values.mix ?? ""}"`);
  if (values.url !== undefined && !/^https?:\/\//.test(values.url))
    throw new Error(`--url: expected http://HOST:PORT, got "${values.url}"`);
  return {
    jobs: count("jobs", values.jobs, 1),
    concurrent: count("concurrent", values.concurrent, 1),
    mix,
    rate: count("rate", values.rate, 1),
    pacedSeconds: count("paced-seconds", values["paced-seconds"], 0),
    url: values.url?.replace(/\/+$/, ""),
    databaseUrl: values["database-url"],
    key: values.key,
    peerHost: values["peer-host"],
    isJson: values.json,
  };
}

function count(name: string, text: string, least: number): number {
  if (!/^\d{1,7}$/.test(text) || Number(text) < least)
    throw new Error(`--${name}: expected integer >= ${least}, got "${text}"`);
  return Number(text);
}
