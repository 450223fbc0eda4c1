import { createTransport } from "nodemailer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TaskFlow } from "../../client/taskflow.ts";
import type { MailCatcher } from "../../embedded/mail-catcher.ts";
import { startMailCatcher } from "../../embedded/mail-catcher.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { tempDir } from "../../testing/services.ts";

const EVIL = "<script>alert(1)</script>";
let catcher: MailCatcher;
let server: ApiServer;
let path: string;
const browser = { accept: "text/html,application/xhtml+xml" };
const get = (at: string, headers = {}) => request(server, "GET", at, undefined, headers);

beforeAll(async () => {
  catcher = await startMailCatcher({ dataDir: tempDir() });
  const transport = createTransport({ url: catcher.url });
  const attachments = [
    { filename: "rows.csv", content: "a,b\n" },
    { filename: "empty.txt", content: "" },
  ];
  await transport.sendMail({
    from: "shop@example.com",
    to: "jane@example.com",
    subject: EVIL,
    text: EVIL,
    html: `<b>Hi</b>${EVIL}`,
    attachments,
  });
  transport.close();
  server = await startApiServer({ deps: { mail: catcher } });
  path = `/dev/mail/${(await catcher.list())[0]?.id ?? ""}`;
});
afterAll(async () => {
  await server.close();
  await catcher.close();
});

describe("caught mail", () => {
  it("is JSON for a program, and a page for a browser", async () => {
    expect((await get("/dev/mail")).body).toMatchObject({ mail: [{ subject: EVIL }] });
    expect((await get(path)).body).toMatchObject({
      subject: EVIL,
      attachments: [{ filename: "rows.csv", bytes: 4 }, { bytes: 0 }],
    });
    for (const at of ["/dev/mail", path]) {
      const { headers, text } = await get(at, browser);
      expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(text).toContain("&lt;script&gt;");
      expect(text).not.toContain("<script");
    }
    expect((await get(path, browser)).text).toContain(
      `<iframe sandbox title="The message's html" src="${path.slice("/dev/mail/".length)}/html">`,
    );
  });

  it("shows the HTML of a message so that it can neither run nor load anything", async () => {
    const { headers, text } = await get(`${path}/html`);
    expect(text).toContain("<b>Hi</b>");
    expect(headers.get("content-security-policy")).toMatch(
      /^sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:;/,
    );
  });

  it("serves source and attachments to be saved, not rendered", async () => {
    expect((await get(`${path}/source`)).text).toContain("Delivered-To: jane@example.com\r\n");
    const { headers, text } = await get(`${path}/attachment-0`);
    expect([text, headers.get("content-disposition"), headers.get("content-type")]).toEqual([
      "a,b\n",
      "attachment",
      "application/octet-stream",
    ]);
    expect(await get(`${path}/attachment-1`)).toMatchObject({ status: 200, text: "" });
  });

  it("can be read with the client", async () => {
    const client = new TaskFlow({ url: server.url });
    const [mail] = await client.mails();
    const id = mail?.id ?? "";
    expect(mail).toMatchObject({ from: "shop@example.com", subject: EVIL, to: ["jane@example.com"] });
    expect(await client.mail(id)).toMatchObject({
      subject: EVIL,
      to: ["jane@example.com"],
      attachments: [{ filename: "rows.csv", content_type: "text/csv", bytes: 4 }, { bytes: 0 }],
    });
    expect(client.mailPartUrl(id, "attachment-0")).toBe(`${server.url}${path}/attachment-0`);
    expect(await (await client.mailPart(id, "attachment-0")).text()).toBe("a,b\n");
    await expect(client.mail("0")).rejects.toMatchObject({ status: 404, code: "mail_not_found" });
    const without = await startApiServer();
    const other = new TaskFlow({ url: without.url });
    await expect(other.mails()).rejects.toMatchObject({ status: 404, code: "not_found" });
    await expect(other.mail(id)).rejects.toMatchObject({ status: 404, code: "not_found" });
    await without.close();
  });

  it.each(["attachment-2", "attachment--1", "other"])("has no part %s", async (part) => {
    expect(await get(`${path}/${part}`)).toMatchObject({ status: 404, body: { code: "mail_not_found" } });
  });
});
