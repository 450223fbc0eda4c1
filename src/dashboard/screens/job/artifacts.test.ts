import { describe, expect, it } from "vitest";
import { artifactsIn, csvRows, previewOf } from "./artifacts.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");

describe("artifactsIn", () => {
  it("finds the files of images and exports, at any depth, once each", () => {
    const result = {
      outputs: [
        { artifact: "image-1.png", width: 640, height: 480, bytes: 1_234 },
        { artifact: "image-1.png", bytes: 1 },
      ],
      nested: { deeper: [{ artifact: "export.csv", rows: 1, link: "https://x.example/a" }] },
    };
    expect(artifactsIn(result, NOW)).toEqual([
      { name: "image-1.png", bytes: 1_234, height: 480, detail: "640 × 480", link: undefined },
      { name: "export.csv", bytes: undefined, height: undefined, detail: "1 row", link: "https://x.example/a" },
    ]);
  });

  it("leaves out links that have expired, or are no links", () => {
    const link = (value: string, expires: string) =>
      artifactsIn({ artifact: "a", link: value, link_expires_at: expires }, NOW)[0]?.link;
    expect(link("https://x.example", "2026-03-01T12:00:01Z")).toBe("https://x.example");
    expect(link("https://x.example", "2026-03-01T11:59:59Z")).toBeUndefined();
    expect(link("javascript:alert(1)", "2027-01-01T00:00:00Z")).toBeUndefined();
  });

  it.each([null, 5, "artifact", [], { artifact: 5 }])("finds none in %j", (result) => {
    expect(artifactsIn(result, NOW)).toEqual([]);
  });
});

describe("previewOf", () => {
  it.each([
    ["a.PNG", { kind: "image", type: "image/png" }],
    ["a.csv", { kind: "table" }],
    ["a.ndjson", { kind: "text" }],
    ["a.csv.gz", { kind: "none", reason: "The file is compressed: download it to read it." }],
    ["a.svg", { kind: "none", reason: "" }],
    ["constructor", { kind: "none", reason: "" }],
  ])("shows %s as %j", (name, preview) => {
    expect(previewOf({ name, bytes: 5, height: undefined, detail: undefined, link: undefined })).toEqual(preview);
  });

  it("does not show an image of many megabytes", () => {
    expect(
      previewOf({ name: "a.png", bytes: 10_000_001, height: undefined, detail: undefined, link: undefined }).kind,
    ).toBe("none");
  });
});

describe("csvRows", () => {
  it("reads quotes, delimiters and line breaks in cells", () => {
    const text = '\ufeffa,b\r\n"x, ""y""","1\n2"\r\nlast,row';
    expect(csvRows({ text, isWhole: true }, 10)).toEqual([
      ["a", "b"],
      ['x, "y"', "1\n2"],
      ["last", "row"],
    ]);
  });

  it("leaves out a row that may be cut", () => {
    expect(csvRows({ text: "a;b\n1;2\n3;", isWhole: false }, 10)).toEqual([
      ["a", "b"],
      ["1", "2"],
    ]);
    expect(csvRows({ text: 'a\n"cut', isWhole: false }, 10)).toEqual([["a"]]);
  });

  it("ends at the limit", () => {
    expect(csvRows({ text: "1\n2\n3\n", isWhole: true }, 2)).toEqual([["1"], ["2"]]);
    expect(csvRows({ text: "", isWhole: true }, 2)).toEqual([]);
  });
});
