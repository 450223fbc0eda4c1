import { expect, it } from "vitest";
import { closeInTime, within } from "./closers.ts";

/** Closers that note their turn, and the lines that are logged. */
function setup() {
  const turns: string[] = [];
  const lines: object[] = [];
  const log = { error: (fields: object) => void lines.push(fields) } as unknown as Parameters<typeof closeInTime>[1];
  return { turns, lines, log, closer: (name: string) => () => void turns.push(name) };
}

it("closes one part after the other", async () => {
  const { turns, lines, log, closer } = setup();
  const slow = async (): Promise<void> => {
    await new Promise(setImmediate);
    turns.push("slow");
  };
  await closeInTime([slow, closer("last")], log);
  expect({ turns, lines }).toEqual({ turns: ["slow", "last"], lines: [] });
});

it("leaves a hanging part when its time is over, and logs which", async () => {
  const { turns, lines, log, closer } = setup();
  const pool = { end: () => new Promise(() => undefined) };
  await closeInTime([() => pool.end(), within(20, () => pool.end()), closer("last")], log, 10);
  expect(turns).toEqual(["last"]);
  expect(lines).toEqual([
    { part: expect.stringContaining("pool.end()") as string, within_ms: 10 },
    { part: expect.stringContaining("pool.end()") as string, within_ms: 20 },
  ]);
});

it("closes every part when one throws, and then throws that error", async () => {
  const { turns, log, closer } = setup();
  const throwing = (): void => {
    throw new Error("first");
  };
  await expect(
    closeInTime([closer("one"), throwing, () => Promise.reject(new Error("second")), closer("last")], log),
  ).rejects.toThrow("first");
  expect(turns).toEqual(["one", "last"]);
});
