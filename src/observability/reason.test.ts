import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { messageOf } from "../errors.ts";
import { closedPort } from "../testing/replica.ts";
import { outageOf } from "./outage.ts";
import type { Part } from "./reason.ts";
import { causesOf, codesOf, reasonOf, unusable } from "./reason.ts";

const REDIS: Part = { name: "Redis", at: "redis:6379", setting: "REDIS_ADDR" };
const POSTGRES: Part = { name: "Postgres", at: "db:5432", setting: "DATABASE_URL" };

function failed(message: string, code?: string, fields: object = {}): Error {
  return Object.assign(new Error(message), code !== undefined && { code }, fields);
}

/** The error of Node.js if a name has two addresses and both refuse the connection. */
async function rejectedTwice(): Promise<unknown> {
  const port = await closedPort();
  return new Promise((resolve) => {
    connect({
      host: "two.example",
      port,
      autoSelectFamily: true,
      lookup: (_host, _options, done) => {
        done(null, [
          { address: "127.0.0.1", family: 4 },
          { address: "127.0.0.2", family: 4 },
        ]);
      },
    }).once("error", resolve);
  });
}

describe("the sentence about an unusable server", () => {
  it.each<[Part, Error, reason: string, fix: RegExp]>([
    [
      REDIS,
      failed("connect ECONNREFUSED 10.0.0.5:6379", "ECONNREFUSED"),
      "the connection is refused",
      /start it, or set REDIS_ADDR/,
    ],
    [
      POSTGRES,
      failed("connect ECONNREFUSED 10.0.0.5:5432", "ECONNREFUSED"),
      "the connection is refused",
      /check that it runs/,
    ],
    [
      POSTGRES,
      failed("getaddrinfo ENOTFOUND db", "ENOTFOUND"),
      "getaddrinfo ENOTFOUND db",
      /correct the host in DATABASE_URL/,
    ],
    [POSTGRES, failed("getaddrinfo EAI_AGAIN db", "EAI_AGAIN"), "getaddrinfo EAI_AGAIN db", /name server answers/],
    [REDIS, failed("connect ETIMEDOUT", "ETIMEDOUT"), "connect ETIMEDOUT", /firewall/],
    [POSTGRES, failed("timeout expired"), "timeout expired", /firewall/],
    [
      REDIS,
      failed("WRONGPASS invalid username-password pair or user is disabled."),
      "WRONGPASS invalid username-password pair or user is disabled",
      /correct the user and password/,
    ],
    [
      REDIS,
      failed("NOAUTH Authentication required."),
      "NOAUTH Authentication required",
      /correct the user and password/,
    ],
    [
      REDIS,
      failed("NOPERM User app has no permissions to run the 'info' command"),
      "NOPERM User app has no permissions to run the 'info' command",
      /give the user of REDIS_ADDR the rights/,
    ],
    [REDIS, failed("ERR max number of clients reached"), "ERR max number of clients reached", /maxclients/],
    [
      REDIS,
      failed("ERR DB index is out of range"),
      "ERR DB index is out of range",
      /number of the database in REDIS_ADDR/,
    ],
    [REDIS, failed("MOVED 3999 10.0.0.6:6379"), "MOVED 3999 10.0.0.6:6379", /not part of a cluster/],
    [
      REDIS,
      failed("LOADING Redis is loading the dataset in memory"),
      "LOADING Redis is loading the dataset in memory",
      /wait until it has started/,
    ],
    [
      REDIS,
      failed("self-signed certificate in certificate chain", "SELF_SIGNED_CERT_IN_CHAIN"),
      "self-signed certificate in certificate chain",
      /NODE_EXTRA_CA_CERTS to the file[^,]*$/,
    ],
    [
      POSTGRES,
      failed("unable to verify the first certificate", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
      "unable to verify the first certificate",
      /NODE_EXTRA_CA_CERTS.*sslrootcert in DATABASE_URL/,
    ],
    [POSTGRES, failed("certificate has expired", "CERT_HAS_EXPIRED"), "certificate has expired", /renew/],
    [
      REDIS,
      failed("wrong version number", "ERR_SSL_WRONG_VERSION_NUMBER"),
      "wrong version number",
      /use redis:\/\/ instead of rediss:\/\//,
    ],
    [
      POSTGRES,
      failed("The server does not support SSL connections"),
      "The server does not support SSL connections",
      /leave sslmode out/,
    ],
    [
      POSTGRES,
      failed('password authentication failed for user "app"', "28P01"),
      'password authentication failed for user "app"',
      /correct the user and password/,
    ],
    [
      POSTGRES,
      failed("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string"),
      "SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string",
      /correct the user and password/,
    ],
    [
      POSTGRES,
      failed("permission denied for schema public", "42501", { hint: "Ask the owner." }),
      "permission denied for schema public: Ask the owner",
      /rights it lacks/,
    ],
    [
      POSTGRES,
      failed('database "jobs" does not exist', "3D000"),
      'database "jobs" does not exist',
      /create that database/,
    ],
    [
      POSTGRES,
      failed("sorry, too many clients already", "53300"),
      "sorry, too many clients already",
      /max_connections/,
    ],
    [
      POSTGRES,
      failed("unsupported startup parameter: statement_timeout", "08P01"),
      "unsupported startup parameter: statement_timeout",
      /ignore_startup_parameters/,
    ],
    [
      POSTGRES,
      failed("cannot execute CREATE TABLE in a read-only transaction", "25006"),
      "cannot execute CREATE TABLE in a read-only transaction",
      /set DATABASE_URL to the primary/,
    ],
    [REDIS, failed("write EPIPE", "EPIPE"), "write EPIPE", /see its log/],
    [
      POSTGRES,
      failed("connect EACCES /run/postgres", "EACCES"),
      "connect EACCES /run/postgres",
      /allow this process to connect/,
    ],
    [POSTGRES, failed("something new", "XX000"), "something new", /see its log, and check DATABASE_URL/],
  ])("%o: %s", (part, error, reason, fix) => {
    const sentence = unusable(part, error);
    expect(sentence).toContain(` (${reason}): `);
    expect(/\): (.*)\.$/.exec(sentence)?.[1]).toMatch(fix);
    // the same error as the cause of another
    expect(
      unusable(part, new Error("the call failed", { cause: error }))
        .split("): ")
        .at(-1),
    ).toMatch(fix);
  });

  it("advises to start a server only if that helps", () => {
    expect(unusable(REDIS, failed("NOPERM this user has no permissions"))).not.toMatch(/start it|does not answer/);
    expect(unusable(POSTGRES, failed("permission denied for schema public", "42501"))).not.toContain(
      "check that it runs",
    );
  });
});

describe("a reason", () => {
  it("has each address that refused a connection", async () => {
    const error = await rejectedTwice();
    expect(reasonOf(error)).toMatch(/^connect ECONNREFUSED 127\.0\.0\.1:\d+: connect ECONNREFUSED 127\.0\.0\.2:\d+$/);
    expect(messageOf(error)).toMatch(/127\.0\.0\.1:\d+; .*127\.0\.0\.2:\d+/);
    expect(codesOf(error)).toContain("ECONNREFUSED");
    expect(unusable(POSTGRES, error)).toMatch(/127\.0\.0\.1.*127\.0\.0\.2.*check that it runs/);
  });

  it("has the cause of a failed fetch", async () => {
    const error: unknown = await fetch(`http://127.0.0.1:${await closedPort()}`).catch((thrown: unknown) => thrown);
    expect(reasonOf(error)).toMatch(/^fetch failed: connect ECONNREFUSED/);
    expect(outageOf(error)).toBe("it refuses connections (ECONNREFUSED)");
  });

  it("has the name and the status of an error of S3", () => {
    const error = Object.assign(new Error("UnknownError"), {
      name: "AccessDenied",
      $metadata: { httpStatusCode: 403 },
    });
    expect(reasonOf(error)).toBe("AccessDenied: UnknownError: HTTP 403");
  });

  it("has the detail from Postgres, but never the values of a row", () => {
    expect(
      reasonOf(failed("remaining connection slots are reserved", "53300", { detail: "for roles with SUPERUSER" })),
    ).toBe("remaining connection slots are reserved: for roles with SUPERUSER");
    expect(reasonOf(failed("null value in column", "23502", { detail: "Failing row contains (secret)." }))).toBe(
      "null value in column",
    );
  });

  it("repeats nothing, is one line, and stops at a cyclic cause", () => {
    const error = new Error("A failed: B", { cause: new Error("B") });
    expect(reasonOf(error)).toBe("A failed: B");
    expect(reasonOf(new Error("one\n  two"))).toBe("one two");
    const circle: Error = new Error("round");
    circle.cause = circle;
    expect(reasonOf(circle)).toBe("round");
    expect(reasonOf(new Error("x".repeat(5_000))).length).toBeLessThan(1_100);
    expect([reasonOf(undefined), reasonOf("a text")]).toEqual(["no reason is given", "a text"]);
    expect(
      causesOf(
        new Proxy(
          {},
          {
            get: () => {
              throw new Error("no");
            },
          },
        ),
      ),
    ).toHaveLength(1);
  });
});
