import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tempDir } from "../testing/services.ts";
import { renderTemplate } from "./template.ts";

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = tempDir();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

describe("a template", () => {
  it("is filled: html escaped, text and subject as they are, lists and conditions without logic", async () => {
    const folder = folderOf({
      "order.subject": "Order {{number}}\n",
      "order.txt": "Dear {{name}},\n{{#items}}- {{.}}\n{{/items}}{{^items}}nothing{{/items}}",
      "order.html": "<p title='{{name}}'>{{name}}{{> _foot}}",
      "_foot.html": "<hr>{{name}}",
    });
    expect(await renderTemplate(folder, "order", { number: 7, name: "<b>J's</b>", items: ["a", "b"] })).toEqual({
      subject: "Order 7",
      text: "Dear <b>J's</b>,\n- a\n- b\n",
      html: "<p title='&lt;b&gt;J&#39;s&lt;&#x2F;b&gt;'>&lt;b&gt;J&#39;s&lt;&#x2F;b&gt;<hr>&lt;b&gt;J&#39;s&lt;&#x2F;b&gt;",
    });
  });

  it("makes one line of a subject, whatever the data holds", async () => {
    const folder = folderOf({ "a.subject": "To {{name}}", "a.txt": "x" });
    expect((await renderTemplate(folder, "a", { name: "J\r\nBcc: evil@z.example" })).subject).toBe("To J Bcc: evil@z.example");
  });

  it.each([
    ["none", "template_unknown"],
    ["unclosed", "template_invalid"],
    ["lost", "template_invalid"],
    ["leaving", "template_invalid"],
  ])("%s fails for good", async (name, code) => {
    const folder = folderOf({ "unclosed.txt": "{{#a}}", "lost.txt": "{{> _nowhere}}", "leaving.txt": "{{> ../../etc/passwd}}" });
    await expect(renderTemplate(folder, name, {})).rejects.toMatchObject({ name: "PermanentError", code });
  });

  it("needs its folder", async () => {
    await expect(renderTemplate("", "a", {})).rejects.toMatchObject({ code: "template_not_configured" });
    await expect(renderTemplate("/nowhere", "a", {})).rejects.toMatchObject({ code: "template_unknown" });
  });
});
