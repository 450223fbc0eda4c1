/**
 * The fast faults, and the runs without a guard, in the test command. `npm run chaos` plays all faults at full length.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SCENARIOS } from "./catalog.ts";
import { GUARDS, shortenOwnership, takeOut } from "./guards.ts";
import { parseOptions } from "./options.ts";
import { copyProgram } from "./program.ts";
import { between, seededRandom, weighted } from "./random.ts";
import { play } from "./scenario.ts";
import type { Services } from "./services.ts";
import { startServices } from "./services.ts";
import { tableText } from "./table.ts";

/**
 * Together less than two minutes on two cores. `npm run chaos -- --fast` plays the other faults at the fast pace, too.
 */
const PLAYED = [
  "replica-kill",
  "kill-before-record",
  "redis-kill",
  "lost-reply",
  "bad-row",
  "redis-pause",
  "postgres-stop",
  "term",
  "same-key",
  "schedules",
];
const SEED = 20_260_101;

describe("faults", () => {
  let services: Services;
  beforeAll(async () => {
    services = await startServices();
    shortenOwnership(services.program);
  });
  afterAll(() => services.close());

  it.each(PLAYED)("%s is held", { timeout: 120_000 }, async (name) => {
    const scenario = SCENARIOS.find((one) => one.name === name);
    if (!scenario) throw new Error(`there is no scenario ${name}`);
    const result = await play(scenario, { services, seed: SEED, pace: "fast" });
    expect(
      { verdict: result.verdict, violations: result.violations, lost: result.lost, doubled: result.doubled },
      result.notes.join("\n"),
    ).toEqual({ verdict: "held", violations: [], lost: 0, doubled: 0 });
    expect(result.accepted).toBeGreaterThan(0);
  });
});

it("the program contains the text of every removable guard", () => {
  const program = copyProgram();
  try {
    for (const guard of Object.values(GUARDS)) takeOut(program, guard);
    expect(() => program.patch("main.js", "a text that is not there", "")).toThrow("does not contain the text");
  } finally {
    program.remove();
  }
});

it("equal seeds give equal numbers, and different seeds different ones", () => {
  const numbers = (seed: number) => Array.from({ length: 5 }, seededRandom(seed));
  expect(numbers(7)).toEqual(numbers(7));
  expect(numbers(7)).not.toEqual(numbers(8));
  const random = seededRandom(1);
  const drawn = Array.from({ length: 500 }, () => between(random, 2, 4));
  expect([...new Set(drawn)].sort()).toEqual([2, 3, 4]);
  expect(new Set(Array.from({ length: 100 }, () => weighted(random, { a: 1, b: 0 })))).toEqual(new Set(["a"]));
});

it("reads the command line and rejects unknown options", () => {
  expect(parseOptions(["--seed=5", "--only=term,poison", "--seconds=9", "--json"], 0)).toEqual({
    seed: 5,
    only: ["term", "poison"],
    seconds: 9,
    jobs: undefined,
    broken: undefined,
    pace: "full",
    isJson: true,
  });
  expect(parseOptions(["--only=small-memory", "--jobs=20"], 0)?.jobs).toBe(20);
  expect(parseOptions(["--break=all"], 1_234)).toMatchObject({ seed: 1_234, broken: Object.keys(GUARDS) });
  expect(parseOptions(["--help"], 0)).toBeUndefined();
  expect(() => parseOptions(["--only=nothing"], 0)).toThrow("there is no nothing; there are replica-kill");
  expect(() => parseOptions(["--seed=x"], 0)).toThrow(`--seed: expected a whole number, got "x"`);
});

it("the table is aligned and names the violations", () => {
  const result = {
    name: "term",
    fault: "",
    accepted: 1_000,
    unknown: 0,
    rows: 999,
    lost: 1,
    doubled: 0,
    repeated: 2,
    recoveryMs: 1_234,
    pickup: { idleMs: 4, faultMs: 9.6 },
    verdict: "not held",
    violations: ["accepted and lost: k1"],
    notes: [],
    seconds: 3,
  } as const;
  const lines = tableText([
    result,
    { ...result, name: "replica-kill", recoveryMs: undefined, pickup: undefined, verdict: "held", violations: [] },
  ]).split("\n");
  expect(new Set(lines.slice(0, 5).map((line) => line.length)).size).toBe(1);
  expect(lines[2]).toMatch(/^\| term +\| 1000 \| +999 \| +1 \| +0 \| +2 \| +1\.2 s \| +4 to 10 ms \| not held \|$/);
  expect(lines.at(-1)).toBe("term: accepted and lost: k1");
});
