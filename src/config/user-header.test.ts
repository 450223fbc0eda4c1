import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseUserHeader } from "./user-header.ts";

/** The names that the server distinguishes when it reads a request, from its source. */
const READ = [
  ...readFileSync(new URL("../api/http/request-head.ts", import.meta.url), "utf8").matchAll(/^ {4}case "(.+)":/gm),
].map(([, name = ""]) => name);

describe("the header with the user of an auth proxy", () => {
  it.each([
    ["X-Auth-Request-Email", "x-auth-request-email"],
    [" Remote-User ", "remote-user"],
    ["X-Forwarded-User", "x-forwarded-user"],
    ["Tailscale-User-Login", "tailscale-user-login"],
    ["x_user!#$%&'*+.^`|~9", "x_user!#$%&'*+.^`|~9"],
    ["", ""],
    [" ", ""],
  ])("may be %j", (text, name) => {
    expect(parseUserHeader(text)).toBe(name);
  });

  it.each([
    "X User",
    "X-User:",
    "X-User,X-Name",
    "X-Üser",
    "X(User)",
    "X\tUser",
    "X-User\r\nHost",
    '"X"',
    "X/Y",
    "X=Y",
  ])("cannot be %j, which is no name of a header", (text) => {
    expect(parseUserHeader(text)).toBeUndefined();
  });

  it("cannot be a header that the server reads itself", () => {
    expect(READ.length).toBeGreaterThan(15);
    expect(READ).toContain("authorization");
    expect(READ.filter((name) => parseUserHeader(name.toUpperCase()) !== undefined)).toEqual([]);
  });

  it.each(["Cookie", "X-Forwarded-For", "Via", "User-Agent"])(
    "cannot be %s, in which others send something else",
    (name) => {
      expect(parseUserHeader(name)).toBeUndefined();
    },
  );
});
