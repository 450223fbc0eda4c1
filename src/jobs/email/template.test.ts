import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import mustache from "mustache";
import { describe, expect, it } from "vitest";
import { exactValue } from "../../core/exact-value.ts";
import { KNOWN_TEXTS, numberTexts } from "../../testing/json-texts.ts";
import { tempDir } from "../../testing/services.ts";
import { renderTemplate } from "./template.ts";

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = tempDir();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

function failureOf(rendering: () => unknown): unknown {
  try {
    return rendering();
  } catch (thrown) {
    return thrown;
  }
}

describe("a template", () => {
  it("is filled: html escaped, text and subject unchanged, lists and conditions without logic", () => {
    const folder = folderOf({
      "order.subject": "Order {{number}}\n",
      "order.txt": "Dear {{name}},\n{{#items}}- {{.}}\n{{/items}}{{^items}}nothing{{/items}}",
      "order.html": "<p title='{{name}}'>{{name}}{{> _foot}}",
      "_foot.html": "<hr>{{name}}",
    });
    expect(renderTemplate(folder, "order", { number: 7, name: "<b>J's</b>", items: ["a", "b"] })).toEqual({
      subject: "Order 7",
      text: "Dear <b>J's</b>,\n- a\n- b\n",
      html: "<p title='&lt;b&gt;J&#39;s&lt;&#x2F;b&gt;'>&lt;b&gt;J&#39;s&lt;&#x2F;b&gt;<hr>&lt;b&gt;J&#39;s&lt;&#x2F;b&gt;",
    });
  });

  it("shows any number as submitted, and treats zero as false however it is written", () => {
    const folder = folderOf({
      "n.txt":
        "{{n}}|{{{n}}}|{{&o.n}}|{{l}}|{{#n}}{{.}} {{name}}{{/n}}{{^n}}none{{/n}}|{{#l}}<{{.}}>{{/l}}|{{#o}}{{#n}}in{{/n}}{{/o}}|{{#yes}}{{n}}{{/yes}}",
    });
    const filled = (number: string): string | undefined => {
      const json = `{"n":${number},"o":{"n":${number}},"l":[1,${number}],"yes":true,"name":"J"}`;
      return renderTemplate(folder, "n", exactValue(JSON.parse(json), json) as object).text;
    };
    const known = KNOWN_TEXTS.filter((text) => /^-?\d/.test(text));
    for (const text of [...known, ...fc.sample(numberTexts, 300)]) {
      const isZero = !/[1-9]/.test(text.replace(/e.*/i, ""));
      const section = isZero ? "none" : `${text} J`;
      expect(filled(text)).toBe(
        `${text}|${text}|${text}|1,${text}|${section}|<1><${text}>|${isZero ? "" : "in"}|${text}`,
      );
    }
  });

  it("turns a subject into one line, whatever the data contains", () => {
    const folder = folderOf({ "a.subject": "To {{name}}", "a.txt": "x" });
    expect(renderTemplate(folder, "a", { name: "J\r\nBcc: evil@z.example" }).subject).toBe("To J Bcc: evil@z.example");
  });

  it.each([
    ["none", "template_unknown"],
    ["unclosed", "template_invalid"],
    ["lost", "template_invalid"],
    ["leaving", "template_invalid"],
  ])("%s fails permanently", (name, code) => {
    const folder = folderOf({
      "unclosed.txt": "{{#a}}",
      "lost.txt": "{{> _nowhere}}",
      "leaving.txt": "{{> ../../etc/passwd}}",
    });
    expect(failureOf(() => renderTemplate(folder, name, {}))).toMatchObject({ name: "PermanentError", code });
  });

  it("requires its folder", () => {
    expect(failureOf(() => renderTemplate("", "a", {}))).toMatchObject({ code: "template_not_configured" });
    expect(failureOf(() => renderTemplate("/nowhere", "a", {}))).toMatchObject({ code: "template_unknown" });
  });
});

describe("the output of a template is bounded", () => {
  const list = (length: number, item: unknown = {}) => Array.from({ length }, () => item);
  const templates: Readonly<Record<string, string>> = {
    "nested.txt": "{{#a}}{{#b}}- {{.}}\n{{/b}}{{/a}}",
    "quiet.txt": "{{#a}}{{#b}}{{/b}}{{/a}}",
    "inverted.txt": "{{#a}}{{#b}}{{^c}}{{/c}}{{/b}}{{/a}}",
    "including.txt": "{{#a}}{{> _quiet}}{{/a}}",
    "_quiet.txt": `{{! ${"long ".repeat(20_000)} }}`,
    "deep.txt": "{{> _deep}}",
    "_deep.txt": "{{#c}}{{x}}{{y}}{{z}}{{#a}}{{x}}{{/a}}{{> _deep}}{{/c}}",
    "texts.txt": "{{#a}}{{s}}{{/a}}",
    "raw.txt": "{{#a}}{{&s}}{{/a}}",
    "escaped.html": "{{s}}",
    "lists.txt": "{{#a}}{{b}}{{/a}}",
  };
  let nested: object = {};
  for (let i = 0; i < 800; i += 1) nested = { c: nested };

  it.each([
    ["nested", { a: list(4_500), b: list(4_500, 1) }],
    ["quiet", { a: list(60_000), b: list(60_000, 1) }],
    ["inverted", { a: list(4_500), b: list(4_500) }],
    ["including", { a: list(10_000) }],
    ["deep", { a: list(2_000), ...nested }],
    ["texts", { a: list(100), s: "x".repeat(30_000) }],
    ["raw", { a: list(100), s: "x".repeat(30_000) }],
    ["escaped", { s: "&".repeat(600_000) }],
    ["escaped", { s: "x".repeat(16_000_000) }],
    ["lists", { a: list(1_000), b: list(5_000, 1) }],
  ])("%s fails quickly", (name, data) => {
    const before = process.cpuUsage();
    expect(failureOf(() => renderTemplate(folderOf(templates), name, data))).toMatchObject({
      name: "PermanentError",
      code: "template_too_large",
    });
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(3_000_000); // µs; without bounds most take a minute
  });

  it("applies to all parts together", () => {
    const folder = folderOf({ "a.subject": "{{s}}", "a.txt": "{{s}}", "a.html": "{{s}}" });
    const lengths = (length: number) => renderTemplate(folder, "a", { s: "x".repeat(length) }).html?.length;
    expect(lengths(600_000)).toBe(600_000);
    expect(failureOf(() => lengths(800_000))).toMatchObject({ code: "template_too_large" });
  });

  it("allows a long newsletter", () => {
    const folder = folderOf({
      "news.html": "{{#rows}}<tr><td>{{name}}</td><td>{{price}}</td>{{#tags}}<b>{{.}}</b>{{/tags}}{{> _end}}{{/rows}}",
      "_end.html": "</tr>",
    });
    const rows = Array.from({ length: 10_000 }, (_, i) => ({
      name: `Article ${i}`,
      price: i / 100,
      tags: ["new", "cheap"],
    }));
    expect(renderTemplate(folder, "news", { rows }).html).toMatch(
      /^<tr>.*<td>99.99<\/td><b>new<\/b><b>cheap<\/b><\/tr>$/,
    );
  });
});

describe("a template within its bounds", () => {
  const text =
    "{{a}}|{{&b}}|{{{c}}}|{{a.b}}|{{#a}}[{{b}}{{.}}{{c}}]{{/a}}{{^b}}no {{c}}{{/b}}\n  {{> _p}}\n{{#c}}{{#b}}{{a}}{{/b}}{{> _p}}{{/c}}";
  const partial = "<{{a}} {{#b}}{{.}},{{/b}}>\n{{c.a}}\n";

  it("is filled exactly as Mustache fills it", () => {
    const folder = folderOf({ "a.txt": text, "a.html": text, "_p.txt": partial, "_p.html": partial });
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.string(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.double(),
        fc.array(tie("value"), { maxLength: 3 }),
        tie("record"),
      ),
      record: fc.record(
        { a: tie("value"), b: tie("value"), c: tie("value") },
        { requiredKeys: [], noNullPrototype: true },
      ),
    })).record;
    const filledBy = (fill: () => unknown): unknown => {
      const filled = failureOf(fill);
      return filled instanceof Error ? "a failure" : filled; // a name is searched in an element that is null
    };
    fc.assert(
      fc.property(value, (data) => {
        const expected = filledBy(() => ({
          subject: undefined,
          text: mustache.render(text, data, () => partial, { escape: String }),
          html: mustache.render(text, data, () => partial),
        }));
        expect(filledBy(() => renderTemplate(folder, "a", data))).toEqual(expected);
      }),
    );
  });
});
