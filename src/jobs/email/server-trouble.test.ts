/** Trouble that only the operator of the SMTP server can resolve does not fail messages. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { SMTPServer } from "smtp-server";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type EmailPayload, type EmailSettings, openEmailType } from "../../testing/email-job.ts";
import { tempDir } from "../../testing/services.ts";
import { ScriptedSmtp, type SmtpScript } from "../../testing/smtp-script.ts";
import { testCertificate, testKey } from "../../testing/tls.ts";
import { ServerTrouble } from "./server-trouble.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const message: EmailPayload = { to: "jane@example.com", subject: "Hello", body: "Good day." };

async function open(url: string, settings: Partial<EmailSettings> = {}) {
  const type = await openEmailType(url, settings);
  cleanups.push(type.close);
  return type;
}

async function setup(script: SmtpScript, { user = "", query = "" } = {}) {
  const peer = await ScriptedSmtp.start(script);
  cleanups.push(() => peer.close());
  return { peer, ...(await open(`${peer.url.replace("//", `//${user}`)}${query}`)) };
}

const answering = (start: string, reply: string): SmtpScript => ({
  offers: ["AUTH PLAIN", "PIPELINING"],
  answer: (line) => (line.startsWith(start) ? reply : undefined),
});

describe("a message waits without using an attempt", () => {
  it.each<readonly [what: string, code: string, script: SmtpScript, user: string, query: string | undefined]>([
    ["a wrong password", "smtp_535", answering("AUTH", "535 5.7.8 bad credentials"), "ann:secret@", undefined],
    ["a mechanism that is too weak", "smtp_534", answering("AUTH", "534 5.7.9 too weak"), "ann:secret@", undefined],
    ["a login that fails temporarily", "smtp_454", answering("AUTH", "454 4.7.0 temporary"), "ann:secret@", undefined],
    ["incomplete credentials", "smtp_auth", answering("AUTH", "235 ok"), "ann@", undefined],
    ["a sender that has to log in", "smtp_530", answering("MAIL", "530 5.7.0 Authentication required"), "", undefined],
    [
      "a sender that was not authenticated",
      "smtp_550",
      answering("MAIL", "550 5.7.1 Client was not authenticated"),
      "",
      undefined,
    ],
    ["recipients that need a login", "smtp_530", answering("RCPT", "530 5.7.57 log in first"), "", undefined],
    ["a greeting that rejects the client", "smtp_554", { greeting: "554 5.7.1 no service for you" }, "", undefined],
    ["a greeting that the server is busy", "smtp_421", { greeting: "421 4.3.2 too busy" }, "", undefined],
    [
      "a server that rejects EHLO and HELO",
      "smtp_550",
      { answer: (line: string) => (/^(?:EHLO|HELO)/.test(line) ? "550 who are you" : undefined) },
      "",
      undefined,
    ],
    ["a server without the required TLS", "smtp_502", answering("STARTTLS", "502 5.5.1 no"), "", "?requireTLS=true"],
  ])("for %s", async (_what, code, script, user, query = "") => {
    const { peer, failureOf, lines } = await setup(script, { user, query });
    expect(await failureOf(message)).toMatchObject({ name: "RetryAfterError", code, waitsForTurn: true });
    expect(lines).toMatchObject([{ level: "warn", code }]);
    const { connections } = peer;
    expect(await failureOf(message)).toMatchObject({ name: "RetryAfterError", code, waitsForTurn: true });
    expect([peer.connections, lines.length]).toEqual([connections, 1]); // the second one did not ask the server
  });

  it("for a server whose name does not exist", async () => {
    const { failureOf } = await open("smtp://no-such-host.invalid:2525");
    expect(await failureOf(message)).toMatchObject({ name: "RetryAfterError", code: "smtp_dns", waitsForTurn: true });
  });

  it("but not after a reply about the message or its recipients", async () => {
    const sender = await setup(answering("MAIL", "550 5.1.8 sender domain does not exist"));
    expect(await sender.failureOf(message)).toMatchObject({ name: "PermanentError", code: "smtp_550" });
    const dmarc = await setup(
      answering("MAIL", "550 5.7.26 unauthenticated mail from this domain is not accepted: SPF failed to authenticate"),
    );
    expect(await dmarc.failureOf(message)).toMatchObject({ name: "PermanentError", code: "smtp_550" });
    const relay = await setup(answering("RCPT", "554 5.7.1 Relay access denied"));
    expect(await relay.failureOf(message)).toMatchObject({ name: "PermanentError", code: "smtp_554" });
  });
});

describe("TLS", () => {
  async function tlsPeer({ secure }: { readonly secure: boolean }) {
    const server = new SMTPServer({
      secure,
      key: testKey,
      cert: testCertificate,
      authOptional: true,
      onData: (stream, _session, done) => void stream.resume().on("end", () => done()),
    });
    server.on("error", () => undefined); // clients that do not trust the certificate
    await once(server.listen(0, "127.0.0.1"), "listening");
    cleanups.push(() => new Promise<void>((closed) => server.close(closed)));
    return `${secure ? "smtps" : "smtp"}://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  }

  it.each([true, false])(
    "an untrusted certificate makes messages wait, and SMTP_CA_FILE makes it trusted (from the start: %s)",
    async (secure) => {
      const url = await tlsPeer({ secure });
      expect(await (await open(url)).failureOf(message)).toMatchObject({
        name: "RetryAfterError",
        code: "smtp_tls",
        waitsForTurn: true,
      });
      const file = join(tempDir(), "ca.pem");
      writeFileSync(file, testCertificate);
      expect(await (await open(`${url}?tls.minVersion=TLSv1.3`, { SMTP_CA_FILE: file })).send(message)).toMatchObject({
        accepted: ["jane@example.com"],
      });
      expect(await (await open(`${url}?tls.rejectUnauthorized=false`)).send(message)).toMatchObject({
        accepted: ["jane@example.com"],
      });
    },
  );
});

describe("the state of a server", () => {
  it("lets one message try the server after a while, and all messages once that one is accepted", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const state = new ServerTrouble();
    state.sendAway();
    const waits = state.met({ code: "smtp_535", message: "no" }, () => undefined);
    expect(waits.retryAfterMs).toBeGreaterThanOrEqual(30_000);
    expect(() => state.sendAway()).toThrow("no");
    vi.advanceTimersByTime(30_000);
    state.sendAway();
    expect(() => state.sendAway()).toThrow("no");
    state.passed();
    state.sendAway();
    state.sendAway();
  });
});
