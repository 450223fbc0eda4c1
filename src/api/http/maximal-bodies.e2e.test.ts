/**
 * Generates bodies of maximal size and worst shape from the schemas. The server must answer each, and serve other
 * requests at the same time.
 */
import { expect, it } from "vitest";
import { loadRegistry } from "../../jobs/registry.ts";
import { installation } from "../../testing/installation.ts";
import { LiveProbe } from "../../testing/live-probe.ts";
import type { MaximalBody } from "../../testing/maximal-bodies.ts";
import { bodiesOfNone, bodiesOfType } from "../../testing/maximal-bodies.ts";

const KIB = 1024;
/** The limit of some types, MAX_BODY_BYTES, and the largest size that is parsed on the main thread. */
const SIZES = [16_383 * KIB, 1_023 * KIB, 255 * KIB] as const;
/** For each size, the test sends every n-th body from a random start, because a body of 16 MiB takes a second. */
const STEPS = [30, 12, 2] as const;
/** The time for each size: a busy machine sends fewer of them. */
const SEND_WITHIN_MS = [8_000, 6_000, 11_000] as const;
/**
 * Tens of milliseconds are normal, and hundreds on a shared machine; a body that blocks the main thread takes seconds.
 */
const LONGEST_PROBE_MS = 3_000;
const AT_ONCE = 3;

async function send(url: string, { kind, text }: MaximalBody): Promise<string> {
  const path = kind === "single" ? "/api/v1/jobs" : "/api/v1/jobs/batch";
  const answer = await fetch(url + path, {
    method: "POST",
    headers: { "content-type": kind === "ndjson" ? "application/x-ndjson" : "application/json" },
    body: text(),
  });
  const { code = "" } = (await answer.json()) as { readonly code?: string };
  return `${answer.status} ${code}`;
}

async function* samples(): AsyncGenerator<MaximalBody> {
  const { types } = await loadRegistry({ settings: {} });
  for (const [at, size] of SIZES.entries()) {
    const step = STEPS[at] ?? 1;
    let number = Math.floor(Math.random() * step);
    const bodies = function* (): Generator<MaximalBody> {
      for (const { type, definition, maxBodyBytes } of types)
        if (size < KIB * KIB || maxBodyBytes > size) yield* bodiesOfType(type, definition.payload as never, size);
      yield* bodiesOfNone(size);
    };
    const untilMs = performance.now() + (SEND_WITHIN_MS[at] ?? 0);
    for (const body of bodies()) {
      if (performance.now() > untilMs) break;
      if (number++ % step === 0) yield { ...body, name: `${body.name}, ${size} bytes` };
    }
  }
}

it("answers every body while it serves other requests", async () => {
  const { start } = await installation();
  const program = await start({ TASKFLOW_ROLE: "api", TASKFLOW_JOBS: "", LOG_LEVEL: "warn" }).ready();
  const probe = new LiveProbe(program.url);
  const wrong: string[] = [];
  const counts: Record<string, number> = {};
  const bodies = samples();
  const sendAll = async (): Promise<void> => {
    for (let next = await bodies.next(); next.done !== true; next = await bodies.next()) {
      const answer = await send(program.url, next.value);
      counts[answer] = (counts[answer] ?? 0) + 1;
      if (!/^202 $|^(4\d\d|503) [a-z_]+$/.test(answer)) wrong.push(`${next.value.name}: ${answer}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendAll));
  const times = await probe.stop();
  const at = (share: number): string =>
    (times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0).toFixed(0);
  process.stdout.write(
    `live probes: ${times.length}, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, p99.9 ${at(0.999)} ms, max ${at(1)} ms; answers ${JSON.stringify(counts)}\n`,
  );
  expect(wrong).toEqual([]);
  expect(counts["422 validation_failed"]).toBeGreaterThan(10);
  expect(times.at(-1)).toBeLessThan(LONGEST_PROBE_MS);
});
