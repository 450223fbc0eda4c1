/** The command-line options of a chaos run. */
import { parseArgs } from "node:util";
import { SCENARIOS } from "./catalog.ts";
import { GUARDS } from "./guards.ts";
import type { Pace } from "./stage.ts";

export interface Options {
  readonly seed: number;
  /** Names of scenarios; by default all. */
  readonly only: readonly string[] | undefined;
  /** How long each fault lasts, instead of its default. */
  readonly seconds: number | undefined;
  /** The number of jobs of each type that small-memory submits; default 1,000. */
  readonly jobs: number | undefined;
  /** Names of guards to remove, each with the fault that needs it; undefined runs the unchanged program. */
  readonly broken: readonly string[] | undefined;
  readonly pace: Pace;
  readonly isJson: boolean;
}

export const HELP = `Usage: npm run chaos -- [options]

Starts replicas of the built program with a Redis, a Postgres and peers of their own, injects faults under a load of mixed
jobs, lets the system settle, and checks that every accepted job is accounted for.

  --only=NAME[,NAME]    only these faults: ${SCENARIOS.map(({ name }) => name).join(", ")}
  --seconds=N           how long each fault lasts, instead of its default
  --jobs=N              how many jobs of each type small-memory submits, where its time suffices (1000)
  --seed=S              what chooses payloads and victims (of the time of day; printed)
  --break=GUARD[,GUARD] removes a guard from the program and expects violations, to show that it
                        matters: ${Object.keys(GUARDS).join(", ")}, or all
  --fast                short leases and short faults, as in the test command; only the faults that run there
  --json                the results as JSON, and nothing else, on standard output

Exit code 1: a fault was not held, or a guard made no difference. 2: it could not run.
`;

const FLAGS = {
  seed: { type: "string" },
  only: { type: "string" },
  seconds: { type: "string" },
  jobs: { type: "string" },
  break: { type: "string" },
  fast: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/**
 * Parses the command line; undefined for `--help`.
 * @param now epoch ms: the default of --seed
 * @throws {Error} with one sentence about the first invalid option
 */
export function parseOptions(args: readonly string[], now: number): Options | undefined {
  const { values } = parseArgs({ args: [...args], options: FLAGS, strict: true });
  if (values.help) return undefined;
  return {
    seed: values.seed === undefined ? now % 1_000_000 : wholeNumber("seed", values.seed),
    only: names(
      "only",
      values.only,
      SCENARIOS.map(({ name }) => name),
    ),
    seconds: values.seconds === undefined ? undefined : wholeNumber("seconds", values.seconds),
    jobs: values.jobs === undefined ? undefined : wholeNumber("jobs", values.jobs),
    broken: values.break === "all" ? Object.keys(GUARDS) : names("break", values.break, Object.keys(GUARDS)),
    pace: values.fast ? "fast" : "full",
    isJson: values.json,
  };
}

function names(flag: string, text: string | undefined, known: readonly string[]): readonly string[] | undefined {
  const given = text?.split(",");
  const unknown = given?.filter((name) => !known.includes(name)) ?? [];
  if (unknown.length > 0)
    throw new Error(`--${flag}: there is no ${unknown.join(", ")}; there are ${known.join(", ")}`);
  return given;
}

function wholeNumber(flag: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${flag}: expected a whole number, got "${text}"`);
  return Number(text);
}
