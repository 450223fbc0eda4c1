import { describe, expect, it } from "vitest";
import { KeptLog } from "./kept-log.ts";

const AT = Date.UTC(2026, 0, 1);

describe("the log of an attempt", () => {
  it("shows no credentials of a URL", () => {
    const log = new KeptLog(AT, performance.now());
    log.add("fetching https://user:hunter2@a.example/x?token=hunter2", {
      from: "https://a.example/?sig=hunter2&page=2",
    });
    expect(log.lines[0]).toMatch(
      / fetching https:\/\/\[redacted\]@a\.example\/x\?token=\[redacted\] \{"from":"https:\/\/a\.example\/\?sig=\[redacted\]&page=2"\}$/,
    );
  });

  it("has the last fifty lines, and the number of earlier ones", () => {
    const log = new KeptLog(AT, performance.now());
    for (let n = 1; n <= 60; n += 1) log.add(`line ${n}`);
    expect(log.lines).toHaveLength(51);
    expect(log.lines[0]).toBe("… 10 earlier lines were dropped");
    expect(log.lines.at(-1)).toMatch(/^2026-01-01T00:00:0\S+Z line 60$/);
  });

  it("has the times since the attempt began, not since its first line", () => {
    const log = new KeptLog(AT, performance.now() - 60_000);
    log.add("after a minute");
    expect(log.lines[0]).toMatch(/^2026-01-01T00:01:0\S+Z after a minute$/);
  });

  it("gives the lines from a number on, as far as it has them", () => {
    const log = new KeptLog(AT, performance.now());
    const from = (number: number) => {
      const { first, lines } = log.from(number);
      return { first, lines: lines.map((line) => line.slice(line.indexOf(" ") + 1)) };
    };
    expect(from(1)).toEqual({ first: 1, lines: [] });
    for (let n = 1; n <= 3; n += 1) log.add(`line ${n}`);
    expect(from(2)).toEqual({ first: 2, lines: ["line 2", "line 3"] });
    expect(from(4)).toEqual({ first: 4, lines: [] });
    for (let n = 4; n <= 53; n += 1) log.add(`line ${n}`);
    expect(from(1)).toMatchObject({ first: 4, lines: { length: 50 } });
    expect(from(53)).toEqual({ first: 53, lines: ["line 53"] });
  });

  it.each([1, 50, 51, 80])("takes over the log of a thread, with its numbers (%i lines)", (count) => {
    const [there, here] = [new KeptLog(AT, performance.now()), new KeptLog(AT, performance.now())];
    for (let n = 1; n <= count; n += 1) there.add(`line ${n}`);
    here.add("line 1"); // the others have not arrived
    here.replace(there.lines, there.count);
    expect(here.from(1)).toEqual(there.from(1));
    expect([here.lines, here.count]).toEqual([there.lines, count]);
  });

  it("omits the passwords of URLs, in fields too", () => {
    const log = new KeptLog(AT, performance.now());
    log.add("asking postgres://app:hunter2@db/x", { proxy: "http://u:hunter2@proxy:3128" });
    expect(log.lines[0]).toContain(`asking postgres://[redacted]@db/x {"proxy":"http://[redacted]@proxy:3128"}`);
  });

  it("cuts a long line, and removes characters that cannot be stored", () => {
    const log = new KeptLog(AT, performance.now());
    log.add("x".repeat(5_000));
    log.add("a\0b\ud800");
    log.add("circle", {
      get self(): never {
        throw new Error("no");
      },
    });
    expect(log.lines[0]).toHaveLength(1_024);
    expect(log.lines[1]).toContain(" a\ufffdb\ufffd");
    expect(log.lines[2]).toContain("circle (fields that are not JSON)");
  });
});
