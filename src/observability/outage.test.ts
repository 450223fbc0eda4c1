import { expect, it } from "vitest";
import { QueueUnavailable, ScriptFailed } from "../errors.ts";
import { outageOf, publicMessageOf } from "./outage.ts";

const failed = (message: string, code?: string): Error =>
  Object.assign(new Error(message), code !== undefined && { code });

it.each([
  [failed("connect ECONNREFUSED 10.0.0.5:6379", "ECONNREFUSED"), "it refuses connections (ECONNREFUSED)"],
  [failed("getaddrinfo ENOTFOUND db.internal", "ENOTFOUND"), "its name cannot be looked up (ENOTFOUND)"],
  [failed("connect ETIMEDOUT 10.0.0.5:5432", "ETIMEDOUT"), "it does not answer in time (ETIMEDOUT)"],
  [
    failed("connect EHOSTUNREACH 10.0.0.5:5432 - Local (10.0.0.9:41234)", "EHOSTUNREACH"),
    "it cannot be reached (EHOSTUNREACH)",
  ],
  [failed("read ECONNRESET", "ECONNRESET"), "the connection was lost (ECONNRESET)"],
  [failed("timeout exceeded when trying to connect"), "it does not answer in time"],
  [failed("Connection terminated unexpectedly"), "the connection was lost"],
  [failed("Connection terminated due to connection timeout"), "it does not answer in time"],
  [failed('password authentication failed for user "taskflow"', "28P01"), "it rejects the user or password (28P01)"],
  [failed('no pg_hba.conf entry for host "10.0.0.9", user "app"', "28000"), "it rejects the user or password (28000)"],
  [failed('database "jobs" does not exist', "3D000"), "the database does not exist (3D000)"],
  [failed("sorry, too many clients already", "53300"), "it has no free connection (53300)"],
  [failed("could not extend file base/5/123: No space left", "53100"), "it lacks disk or memory (53100)"],
  [failed("the database system is starting up", "57P03"), "it is starting or shutting down (57P03)"],
  [failed("OOM command not allowed when used memory > 'maxmemory'."), "its memory is full (OOM)"],
  [failed("MISCONF Redis is configured to save RDB snapshots"), "it cannot save to its disk (MISCONF)"],
  [failed("WRONGPASS invalid username-password pair"), "it rejects the user or password (WRONGPASS)"],
  [failed("MOVED 3999 10.0.0.5:6381"), "it cannot be used now (MOVED)"],
  [
    failed("Hostname/IP does not match: db.internal", "ERR_TLS_CERT_ALTNAME_INVALID"),
    "TLS with it fails (ERR_TLS_CERT_ALTNAME_INVALID)",
  ],
  [failed("something at 10.0.0.5"), "it cannot be used now"],
  [failed("an address as the code", "10.0.0.5:6379"), "it cannot be used now"],
  ["10.0.0.5", "it cannot be used now"],
  [undefined, "it cannot be used now"],
])("describes %s as: %s", (error, words) => {
  expect(outageOf(error)).toBe(words);
  expect(publicMessageOf(error)).toBe(words);
});

it("keeps the message of TaskFlow's own errors, except of a failed Redis script", () => {
  expect(publicMessageOf(new QueueUnavailable("Redis is away", failed("connect ECONNREFUSED 10.0.0.5:6379")))).toBe(
    "Redis is away",
  );
  expect(publicMessageOf(new ScriptFailed("user_script:7: wrong key {taskflow:0}:jobs"))).toBe(
    "a script failed in Redis",
  );
});
