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
