import { expect, it } from "vitest";
import { loadConfig } from "./config.ts";

/** The lines of the error that an environment causes. */
function issuesOf(env: Record<string, string>): string[] {
  try {
    loadConfig(env, []);
    return [];
  } catch (error) {
    return (error as Error).message.split("\n");
  }
}

it("the settings of the dashboard, and of the auth proxy in front of it, are read and checked", () => {
  expect(loadConfig({}, [])).toMatchObject({
    DASHBOARD: "full",
    DASHBOARD_LABEL: "",
    DASHBOARD_USER_HEADER: "",
    TRUSTED_PROXIES: [],
  });
  const label = "\u{1f6a7}".repeat(40);
  const env = { DASHBOARD: "read", DASHBOARD_LABEL: ` ${label} `, DASHBOARD_USER_HEADER: "X-User" };
  expect(loadConfig({ ...env, TRUSTED_PROXIES: "127.0.0.1, fd00::/8" }, [])).toMatchObject({
    DASHBOARD: "read",
    DASHBOARD_LABEL: label,
    DASHBOARD_USER_HEADER: "x-user",
    TRUSTED_PROXIES: [expect.anything(), expect.anything()],
  });
  expect(
    issuesOf({
      DASHBOARD: "on",
      DASHBOARD_LABEL: "x".repeat(41),
      DASHBOARD_USER_HEADER: "Authorization",
      TRUSTED_PROXIES: "nginx",
    }),
  ).toEqual([
    'DASHBOARD: expected "full", "read" or "off", got "on"',
    `DASHBOARD_LABEL: expected a text of at most 40 characters in one line, got "${"x".repeat(41)}"`,
    'DASHBOARD_USER_HEADER: expected the name of a header that the server does not read itself, such as X-Auth-Request-Email, got "Authorization"',
    'TRUSTED_PROXIES: expected addresses and networks such as 127.0.0.1, 10.1.0.0/16 or fd00::/8, separated by commas, got "nginx"',
  ]);
  for (const lines of ["a\nb", "a\u2028b", "a\u0007"])
    expect(issuesOf({ DASHBOARD_LABEL: lines })).toEqual([expect.stringMatching("^DASHBOARD_LABEL: ")]);
  for (const TRUSTED_PROXIES of ["", " , "])
    expect(issuesOf({ DASHBOARD_USER_HEADER: "X-User", TRUSTED_PROXIES })).toEqual([
      expect.stringMatching(/^DASHBOARD_USER_HEADER: .* set TRUSTED_PROXIES to the address of your auth proxy/),
    ]);
});
