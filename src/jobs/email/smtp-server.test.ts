import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tempDir } from "../../testing/services.ts";
import { testCertificate } from "../../testing/tls.ts";
import { readSmtpServer, SMTP_OPTIONS } from "./smtp-server.ts";

const read = (url: string, caFile = "") => readSmtpServer(url, caFile);

describe("SMTP_URL", () => {
  it("contains host, port, TLS and credentials", () => {
    expect(read("smtp://mail.example")).toMatchObject({
      auth: undefined,
      connection: { host: "mail.example", secure: false },
      answerTimeoutMs: 600_000,
    });
    expect(read("smtps://ann%40example.com:p%23%25x@mail.example:1465")).toMatchObject({
      connection: { host: "mail.example", port: 1465, secure: true },
      auth: { credentials: { user: "ann@example.com", pass: "p#%x" } },
    });
    expect(read("smtp://[::1]:25").connection.host).toBe("::1");
    expect(read("smtp://bücher.example").connection.host).toBe("xn--bcher-kva.example");
  });

  it("accepts each of its options", () => {
    const url =
      "smtp://m.example?requireTLS=true&tls.minVersion=TLSv1.3&tls.servername=x.example&tls.rejectUnauthorized=false&authMethod=LOGIN&name=a.example&localAddress=127.0.0.2&maxMessages=5";
    expect(
      read(`${url}&dnsTimeout=1&connectionTimeout=2&greetingTimeout=3&socketTimeout=4&dataTimeout=5&answerTimeout=6`),
    ).toMatchObject({
      connection: {
        requireTLS: true,
        tls: { minVersion: "TLSv1.3", servername: "x.example", rejectUnauthorized: false },
        name: "a.example",
        localAddress: "127.0.0.2",
        dnsTimeout: 1,
        connectionTimeout: 2,
        greetingTimeout: 3,
        socketTimeout: 4,
      },
      maxMessages: 5,
      commandTimeoutMs: 4,
      dataTimeoutMs: 5,
      answerTimeoutMs: 6,
    });
    expect(read("smtp://a:b@m.example?authMethod=LOGIN").auth?.method).toBe("LOGIN");
  });

  it.each([
    "pool=true",
    "requireTls=true",
    "requireTLS=yes",
    "tls.minVersion=TLSv1",
    "socketTimeout=-1",
    "socketTimeout=",
    "name=a%0d%0aRSET",
    "requireTLS=true&ignoreTLS=true",
    "maxMessages=1&maxMessages=2",
    "__proto__=1",
  ])("rejects %s, without its password", (options) => {
    const attempt = () => read(`smtp://ann:hunter2@m.example?${options}`);
    expect(attempt).toThrow(/^SMTP_URL: /);
    expect(attempt).not.toThrow("hunter2");
  });

  it("has a row in docs/job-types/email.md for each option", () => {
    const page = readFileSync(join(import.meta.dirname, "../../../docs/job-types/email.md"), "utf8");
    expect(Object.keys(SMTP_OPTIONS).filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});

describe("SMTP_CA_FILE", () => {
  it("adds authorities to the known ones", () => {
    const file = join(tempDir(), "ca.pem");
    writeFileSync(file, testCertificate);
    const { ca } = read("smtp://m.example", file).connection.tls ?? {};
    expect((ca as string[]).length).toBeGreaterThan(1);
    expect(ca).toContain(testCertificate);
    writeFileSync(file, "none");
    expect(() => read("smtp://m.example", file)).toThrow("SMTP_CA_FILE");
    expect(() => read("smtp://m.example", `${file}.none`)).toThrow("SMTP_CA_FILE");
  });
});
