/**
 * Names that would become paths or prototypes, and texts that would keep a pattern busy, in every place of every
 * payload that has a pattern.
 */
import { describe, expect, it } from "vitest";
import { isArtifactKey, isArtifactName } from "../artifacts/key.ts";
import { compileValidator } from "../core/validator.ts";
import { isFull } from "../testing/full.ts";
import { loadDefinitions, registryOf } from "./registry.ts";

const definitions = await loadDefinitions();
const registry = registryOf(definitions, {});

const ups = [
  "..",
  "../",
  "..\\",
  "....//",
  "..;/",
  "%2e%2e/",
  "%2e%2e%2f",
  "..%2f",
  "..%5c",
  "..%c0%af",
  "..\u2215",
  "\uff0e\uff0e/",
  ".\0./",
  "../".repeat(20),
];
const ends = ["", "etc/passwd", "etc/passwd\0.png", "x", "C:\\x", "~", "a/b"];
const odd = [
  "",
  ".",
  "/",
  "\\",
  "/etc/passwd",
  "\\\\host\\share",
  "C:\\x",
  "file:///etc/passwd",
  "a/b",
  "a\\b",
  "a\0",
  "\0",
  "a\n",
  "\na",
  " ",
  ".hidden",
  "a ",
  "~/x",
  "$HOME",
  "`id`",
  "a;b",
  "a|b",
  "a&b",
  "\u202ea",
  "a\ud800",
  "é".repeat(200),
  "a".repeat(200),
  "a\r",
  "a\t",
  "*",
  "?",
  "a:b",
  "<a>",
];
const names = [...ups.flatMap((up) => ends.flatMap((end) => [up + end, `a/${up}${end}`])), ...odd];

describe("a path", () => {
  const id = "01890a5d-ac96-774b-bcce-b302099a8057";
  const at: Readonly<Record<string, (name: string) => [type: string, payload: object]>> = {
    "filename of an export": (filename) => ["data_export", { format: "csv", source: { rows: [] }, filename }],
    query: (query) => ["data_export", { format: "csv", source: { query } }],
    template: (template) => ["email", { to: "a@x.example", template }],
    "artifact of an image": (name) => ["image_resize", { source: { artifact: `${id}/${name}` } }],
    "artifact of an attachment": (name) => [
      "email",
      { to: "a@x.example", subject: "a", body: "b", attachments: [{ filename: "a", artifact: `${id}/${name}` }] },
    ],
    "artifact's job": (name) => ["image_resize", { source: { artifact: `${name}/${id}` } }],
    watermark: (name) => [
      "image_resize",
      { source: { url: "https://a.example/" }, watermark: { artifact: `${id}/${name}` } },
    ],
  };

  it.each(Object.entries(at))("is no %s", (_place, payloadOf) => {
    expect(names.length).toBeGreaterThan(135);
    expect(
      names.filter((name) => {
        const [type, payload] = payloadOf(name);
        return registry.get(type)?.issuesOf(payload).length === 0;
      }),
    ).toEqual([]);
  });

  it("is no name of an artifact, and no file name of an attachment", () => {
    expect(names.filter((name) => isArtifactName(name) || isArtifactKey({ jobId: id, attempt: 1, name }))).toEqual([]);
    const attached = names.filter(
      (filename) =>
        registry
          .get("email")
          ?.issuesOf({ to: "a@x.example", subject: "a", body: "b", attachments: [{ filename, base64: "" }] }).length ===
        0,
    );
    expect(attached.filter((name) => /[/\\\p{Cc}]/u.test(name))).toEqual([]);
  });
});

describe("the prototype of objects", () => {
  const keys = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf", "__defineGetter__"];
  const values = ['{"isAdmin":true}', '"x"', "null", "[]", '{"prototype":{"isAdmin":true}}'];
  it("is not touched by a payload of any type, at any place", () => {
    for (const { type, definition } of registry.types) {
      const [example = {}] = (definition.payload as { examples?: object[] }).examples ?? [];
      const text = JSON.stringify(example).slice(1, -1);
      for (const key of keys)
        for (const value of values) {
          const member = `${JSON.stringify(key)}:${value}`;
          for (const json of [
            `{${member}}`,
            `{${text},${member}}`,
            `{${member},${text}}`,
            `{${text},"headers":{${member}}}`,
            `{${text},"source":{"rows":[{${member}}]}}`,
            `{${text},"body":{${member}}}`,
          ])
            registry.get(type)?.issuesOf(JSON.parse(json));
        }
    }
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    expect(keys.map((key) => registry.get(key))).toEqual(keys.map(() => undefined));
  });
});

/** The patterns of a schema, with the path to each. */
function patternsIn(schema: unknown, path = ""): [path: string, pattern: string][] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([name, value]): [string, string][] => {
    const ofNames =
      name === "patternProperties"
        ? Object.keys(value as object).map((pattern): [string, string] => [`${path}/*`, pattern])
        : [];
    return [
      ...ofNames,
      ...(name === "pattern" && typeof value === "string"
        ? [[path, value] as [string, string]]
        : patternsIn(value, `${path}/${name}`)),
    ];
  });
}

describe("a pattern", () => {
  const patterns = registry.types.flatMap(({ type, definition }) => [
    ...patternsIn(definition.payload, type),
    ...patternsIn(definition.settings, `${type} settings`),
  ]);
  const pieces = [
    "a",
    "0",
    "A",
    "-",
    "_",
    ".",
    " ",
    "/",
    "=",
    "+",
    ",",
    ":",
    "é",
    "\n",
    "\0",
    "00",
    "aA0",
    "a.",
    "a-",
    "-a",
    "0.",
    "YYYY",
    "MM",
    "-DD",
    "0,",
    "0/8,",
    "f:",
    "..",
    "//",
    "ab_",
    "0-9",
    "S",
    "SS",
    "#",
    "T",
  ];
  const length = isFull ? 1_000_000 : 100_000;

  it("reads a long text in one pass, whatever it is made of and whatever it ends with", () => {
    expect(patterns.length).toBeGreaterThan(8);
    const slow: string[] = [];
    for (const [path, pattern] of patterns) {
      const expression = new RegExp(pattern, "u");
      for (const piece of pieces)
        for (const end of ["", "!", "\0", piece]) {
          const text = piece.repeat(length / piece.length) + end;
          const startedAt = performance.now();
          expression.test(text);
          // the square of such a length takes minutes
          if (performance.now() - startedAt > 5_000) slow.push(`${path}: ${pattern} of ${JSON.stringify(piece)}`);
        }
    }
    expect(slow).toEqual([]);
  });

  it("comes after the bound on the length, or each check of a long text is as fast", () => {
    const validators = definitions.map(({ definition }) =>
      compileValidator(definition.payload as Parameters<typeof compileValidator>[0]),
    );
    const startedAt = performance.now();
    for (const piece of pieces) {
      const text = piece.repeat(length / piece.length);
      for (const validator of validators)
        for (const field of [
          "to",
          "url",
          "subject",
          "filename",
          "template",
          "type",
          "created_after",
          "time_zone",
          "secret",
        ])
          validator.isValid({ [field]: text });
      for (const [type, payload] of [
        [
          "email",
          {
            to: text,
            subject: text,
            body: text,
            headers: { "X-A": text },
            attachments: [{ filename: text, content_type: text, base64: text, url: text }],
          },
        ],
        ["webhook", { url: text, headers: { [text]: text }, secret: text }],
      ] as const) {
        registry.get(type)?.issuesOf(payload);
      }
    }
    expect(performance.now() - startedAt).toBeLessThan(60_000);
  });
});
