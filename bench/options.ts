/** What the benchmark is told on its command line. */

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export interface Options {
  /** Names of figures, in the order of the command line; empty means all. */
  readonly only: readonly string[];
  /** How often each contestant runs. */
  readonly rounds: number;
  /** Short runs on small backlogs: whether it works, not how fast it is. */
  readonly isQuick: boolean;
  readonly isJson: boolean;
  /** The TaskFlow under test: the main.js of a build. */
  readonly program: string;
  /** The main.js of a second build, which is measured in turn with the first one. */
  readonly against: string | undefined;
}

export function help(figures: readonly string[]): string {
  return `npm run bench -- [options]

Measures TaskFlow against the floor (a bare sketch of its path), Fastify + BullMQ + INSERT (as given and tuned) and
Fastify + pg-boss, all in turn on one Redis and one Postgres that are started for it, and says which goals are met.

  --only=a,b      only these figures: ${figures.join(", ")}
  --rounds=3      how often each contestant runs; medians are told, and medians of the ratios within a round
  --quick         1 round, short, on small backlogs: whether it runs, not how fast it is
  --program=FILE  the main.js of another build of TaskFlow (dist/main.js)
  --against=FILE  the main.js of an earlier build, from another checkout with its node_modules: end-to-end and payload
                  measure it in turn with the other, so that what drifts on the machine meets both alike
  --json          the report as JSON, and nothing else, on standard output

wrk generates the load where it is on PATH, else autocannon, which on few cores is slower than what it measures.
Exit code 1: a goal is missed, or a figure failed (its books do not add up, say). 2: it could not run.
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
 * Reads the command line; undefined when help is asked for.
 * @param figures the names that --only may give
 * @throws {Error} in one sentence, for what it does not understand
 */
export function parseOptions(args: readonly string[], figures: readonly string[]): Options | undefined {
  const { values } = parseArgs({ args: [...args], options: FLAGS, strict: true });
  if (values.help) return undefined;
  const only = values.only.split(",").filter((name) => name !== "");
  const unknown = only.find((name) => !figures.includes(name));
  if (unknown !== undefined)
    throw new Error(`--only: there is no figure "${unknown}"; there are ${figures.join(", ")}`);
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
