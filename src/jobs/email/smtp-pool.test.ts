import { EventEmitter, once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { ScriptedSmtp } from "../../testing/smtp-script.ts";
import { SmtpPool } from "./smtp-pool.ts";
import { readSmtpServer } from "./smtp-server.ts";

const { signal } = new AbortController();

it("sends messages away that wait too long for a connection, and keeps connections for the next ones", async () => {
  const peer = await ScriptedSmtp.start();
  const pool = new SmtpPool(readSmtpServer(peer.url, ""), 1, { ms: 20, code: "smtp_busy", message: "busy" });
  const free = new EventEmitter();
  const first = pool.use(signal, () => once(free, "now"));
  await expect(pool.use(signal, () => Promise.resolve())).rejects.toMatchObject({
    name: "RetryAfterError",
    code: "smtp_busy",
    waitsForTurn: true,
  });
  while (peer.connections === 0 || free.listenerCount("now") === 0) await setImmediate();
  free.emit("now");
  await first;
  await pool.use(signal, () => Promise.resolve());
  expect(peer.connections).toBe(1);
  pool.close();
  pool.close();
  peer.close();
});
