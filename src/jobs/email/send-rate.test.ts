import { describe, expect, it } from "vitest";
import { SendRate } from "./send-rate.ts";

const signal = new AbortController().signal;

describe("a rate of sending", () => {
  it("spaces messages evenly", async () => {
    const rate = new SendRate(50);
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: 6 }, () => rate.turn(signal)));
    // the first message is sent immediately, and each of the other five 20 ms later
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(95);
  });

  it("sends messages away if their turn comes late, to be retried one after the other", async () => {
    const rate = new SendRate(1);
    const away = new AbortController();
    const waiting = Array.from({ length: 11 }, () => rate.turn(away.signal).catch(() => undefined));
    const later = await Promise.all(
      [0, 1].map(() => rate.turn(signal).catch((thrown: unknown) => thrown as { code: string; retryAfterMs: number })),
    );
    expect(later).toMatchObject([{ name: "RetryAfterError", code: "smtp_rate" }, { code: "smtp_rate" }]);
    expect((later[1]?.retryAfterMs ?? 0) - (later[0]?.retryAfterMs ?? 0)).toBeGreaterThan(900);
    away.abort();
    await Promise.all(waiting);
  });

  it("is shared by all threads that share its memory", async () => {
    const memory = new SharedArrayBuffer(64);
    const rates = [new SendRate(50, memory), new SendRate(50, memory)];
    const startedAt = performance.now();
    await Promise.all([0, 1, 2].flatMap(() => rates.map((rate) => rate.turn(signal))));
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(95);
  });

  it("without a limit costs nothing", async () => {
    const rate = new SendRate(0);
    await Promise.all(Array.from({ length: 1_000 }, () => rate.turn(signal)));
  });
});
