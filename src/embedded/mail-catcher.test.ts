import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import { afterEach, expect, it } from "vitest";
import { tempDir } from "../testing/services.ts";
import { type MailCatcher, startMailCatcher } from "./mail-catcher.ts";

const opened: MailCatcher[] = [];
afterEach(async () => {
  for (const catcher of opened.splice(0)) await catcher.close();
});

async function start(dataDir: string, port?: number): Promise<MailCatcher> {
  const catcher = await startMailCatcher({ dataDir, ...(port === undefined ? {} : { port }) });
  opened.push(catcher);
  return catcher;
}

async function send(catcher: MailCatcher, mail: object): Promise<void> {
  const transport = createTransport(catcher.url);
  await transport
    .sendMail({ from: "Ada <a@x.test>", to: "b@y.test", subject: "Hi", text: "Grüße", ...mail })
    .finally(() => transport.close());
}

it("stores each message as one file with the envelope's recipients, and lists the newest first", async () => {
  const dataDir = tempDir();
  const catcher = await start(dataDir);
  await send(catcher, { subject: "one" });
  await send(catcher, { subject: "two", bcc: "blind@y.test", attachments: [{ filename: "a.txt", content: "text" }] });
  const list = await catcher.list();
  expect(list).toMatchObject([
    { subject: "two", to: ["b@y.test", "blind@y.test"] },
    { subject: "one", from: '"Ada" <a@x.test>', to: ["b@y.test"] },
  ]);
  expect(await catcher.list()).toEqual(list);
  const two = await catcher.read(list[0]?.id ?? "");
  expect([two?.text?.trim(), two?.attachments[0]?.filename]).toEqual(["Grüße", "a.txt"]);
  expect(readdirSync(dataDir).sort()).toEqual(list.map(({ id }) => `${id}.eml`).sort());
  expect(readFileSync(join(dataDir, `${list[1]?.id ?? ""}.eml`), "latin1")).toMatch(
    /^Return-Path: <a@x\.test>\r\nDelivered-To: b@y\.test\r\n/u,
  );
});

it("has the messages after a restart, but no incomplete ones", async () => {
  const dataDir = tempDir();
  const first = await start(dataDir);
  await send(first, { subject: "kept" });
  await first.close();
  writeFileSync(join(dataDir, "00000000000001.part"), "cut off");
  const second = await start(dataDir);
  await send(second, { subject: "later" });
  expect((await second.list()).map(({ subject }) => subject)).toEqual(["later", "kept"]);
  expect(existsSync(join(dataDir, "00000000000001.part"))).toBe(false);
});

it("removes the oldest beyond 1,000", async () => {
  const dataDir = tempDir();
  for (let i = 1; i <= 1_000; i += 1)
    writeFileSync(join(dataDir, `${String(i).padStart(14, "0")}.eml`), `Subject: ${i}\r\n\r\n`);
  const catcher = await start(dataDir);
  await send(catcher, { subject: "new" });
  const list = await catcher.list();
  expect([list.length, list[0]?.subject, list.at(-1)?.subject]).toEqual([1_000, "new", "2"]);
  expect(existsSync(join(dataDir, "00000000000001.eml"))).toBe(false);
});

it("returns undefined for an invalid id and for the id of a removed message", async () => {
  const dataDir = tempDir();
  const catcher = await start(dataDir);
  writeFileSync(join(dataDir, "..", "secret.eml"), "");
  expect(await catcher.read("../secret")).toBeUndefined();
  expect(await catcher.read("00000000000009")).toBeUndefined();
});

it("rejects a message larger than 25 MB and stores none of it", async () => {
  const dataDir = tempDir();
  const catcher = await start(dataDir);
  // nodemailer cannot check the size of raw text whose length it does not know
  const content = Buffer.alloc(26 * 1024 * 1024, "x\r\n");
  await expect(
    send(catcher, {
      raw: Buffer.concat([Buffer.from("Subject: big\r\n\r\n"), content]),
      envelope: { from: "a@x.test", to: "b@y.test" },
    }),
  ).rejects.toMatchObject({ responseCode: 552 });
  expect(readdirSync(dataDir)).toEqual([]);
});

it("reports that its port is taken", async () => {
  const first = await start(tempDir());
  await expect(start(tempDir(), Number(new URL(first.url).port))).rejects.toThrow(
    /^The mail catcher cannot listen on /u,
  );
});
