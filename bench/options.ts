/** The command-line options of the benchmark. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export interface Options {
  /** Names of figures, in the order of the command line; empty means all. */
  readonly only: readonly string[];
  /** How often each competitor runs. */
  readonly rounds: number;
  /** Short runs on small backlogs, which show whether the benchmark works, but not how fast TaskFlow is. */
  readonly isQuick: boolean;
  readonly isJson: boolean;
  /** The TaskFlow under test: the main.js of a build. */
  readonly program: string;
  /** The main.js of a second build, measured in turn with the first one. */
  readonly against: string | undefined;
}

export function help(figures: readonly string[]): string {
  return `npm run bench -- [options]

Measures TaskFlow against the baseline (a minimal implementation of its path), Fastify + BullMQ + INSERT (as given and
tuned) and Fastify + pg-boss, in turn on one Redis and one Postgres that it starts, and prints which goals are met.

  --only=a,b      only these figures: ${figures.join(", ")}
  --rounds=3      how often each competitor runs; the report has medians, and medians of the ratios within a round
  --quick         1 round, short, on small backlogs: whether it runs, not how fast it is
  --program=FILE  the main.js of another build of TaskFlow (dist/main.js)
  --against=FILE  the main.js of an earlier build, from another checkout with its node_modules: end-to-end and payload
                  measure it in turn with the other one, so that drifts of the machine affect both
  --json          the report as JSON, and nothing else, on standard output

wrk generates the load if it is on PATH, else autocannon, which on few cores is slower than the servers it measures.
Exit code 1: a goal is missed, or a figure failed (jobs are missing, for instance). 2: it could not run.
`;
}

const FLAGS = {
  only: { type: "string", default: "" },
  rounds: { type: "string" },
  quick: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  program: { type: "string", default: fileURLToPath(new URL("../dist/main.js", import.meta.url)) },
  against: { type: "string" },
  help: { type: "boolean", short: "h", default: false },
} as const;

/**
 * Parses the command line; undefined for `--help`.
 * @param figures the names that --only accepts
 * @throws {Error} with one sentence about the first invalid option
 */
export function parseOptions(args: readonly string[], figures: readonly string[]): Options | undefined {
  const { values } = parseArgs({ args: [...args], options: FLAGS, strict: true });
  if (values.help) return undefined;
  const only = values.only.split(",").filter((name) => name !== "");
  const unknown = only.find((name) => !figures.includes(name));
  if (unknown !== undefined)
    throw new Error(`--only: expected names of figures (${figures.join(", ")}), got "${unknown}"`);
  const rounds = values.rounds ?? (values.quick ? "1" : "3");
  if (!/^[1-9]\d?$/.test(rounds)) throw new Error(`--rounds: expected an integer from 1 to 99, got "${rounds}"`);
  return {
    only,
    rounds: Number(rounds),
    isQuick: values.quick,
    isJson: values.json,
    program: values.program,
    against: values.against,
  };
}
