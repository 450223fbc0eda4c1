/** `npm run chaos`: see HELP in chaos/options.ts. */
import { SCENARIOS } from "./chaos/catalog.ts";
import { BROKEN_SETTLE_MS, GUARDS, shortenOwnership, takeOut } from "./chaos/guards.ts";
import type { Ledger } from "./chaos/ledger.ts";
import type { Options } from "./chaos/options.ts";
import { HELP, parseOptions } from "./chaos/options.ts";
import type { Result, Scenario } from "./chaos/scenario.ts";
import { play } from "./chaos/scenario.ts";
import { startServices } from "./chaos/services.ts";
import { tableText } from "./chaos/table.ts";

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), Date.now());
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  process.stderr.write(`seed ${options.seed}\n`);
  const results = options.broken === undefined ? await playAll(options) : await playBroken(options, options.broken);
  process.stdout.write(options.isJson ? `${JSON.stringify(results, null, 2)}\n` : `\n${tableText(results)}\n`);
  return results.every(({ verdict }) => verdict !== "not held") ? 0 : 1;
}

async function playAll({ seed, only, seconds, jobs, pace }: Options): Promise<Result[]> {
  const isWanted = ({ name, seconds: own }: Scenario): boolean =>
    only?.includes(name) ?? (pace === "full" || own.fast !== undefined);
  const services = await startServices();
  try {
    if (pace === "fast") shortenOwnership(services.program);
    const results: Result[] = [];
    for (const scenario of SCENARIOS.filter(isWanted)) {
      const result = await play(scenario, { services, seed, pace, seconds, jobs, onProgress });
      endProgress(result);
      results.push(result);
    }
    return results;
  } finally {
    await services.close();
  }
}

/**
 * Injects each guard's fault without that guard. The promises must break, because otherwise the guard would be useless
 * or the counts would not show the difference.
 */
async function playBroken({ seed, seconds }: Options, names: readonly string[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const name of names) {
    const guard = GUARDS[name];
    const scenario = SCENARIOS.find((one) => one.name === guard?.scenario);
    if (!guard || !scenario) throw new Error(`there is no guard ${name}`);
    const services = await startServices();
    try {
      shortenOwnership(services.program);
      takeOut(services.program, guard);
      const result = await play(scenario, {
        services,
        seed,
        pace: "fast",
        seconds,
        settleWithinMs: BROKEN_SETTLE_MS,
        onProgress,
      });
      endProgress(result);
      const verdict = result.verdict === "not held" ? "guard shown to matter" : "not held";
      const violation = "every accepted job is accounted for without this guard";
      results.push({
        ...result,
        name: `${scenario.name} without ${name}`,
        verdict,
        violations: verdict === "not held" ? [violation] : result.violations.slice(0, 3),
        notes: [],
      });
    } finally {
      await services.close();
    }
  }
  return results;
}

const startedAt = performance.now();

function progressLine(name: string, ledger: Ledger): string {
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  return `${String(seconds).padStart(5)} s  ${name.padEnd(20)} ${ledger.count("accepted")} accepted, ${ledger.count("rejected")} rejected, ${ledger.count("unknown")} unknown`;
}

function onProgress(name: string, ledger: Ledger): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${progressLine(name, ledger)}`);
}

function endProgress({ name, accepted, rows, verdict, seconds }: Result): void {
  const line = `${name.padEnd(20)} ${accepted} accepted, ${rows} rows, ${verdict}, in ${seconds} s`;
  process.stderr.write(`${process.stderr.isTTY ? "\r\u001b[K" : ""}${line}\n`);
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`chaos: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  },
);
