import { describe, expect, it } from "vitest";
import { help, parseOptions } from "./options.ts";

const FIGURES = ["end-to-end", "idle"];

describe("options of the benchmark", () => {
  it("runs all figures in 3 rounds by default, on the build of this checkout", () => {
    expect(parseOptions([], FIGURES)).toMatchObject({ only: [], rounds: 3, isQuick: false, isJson: false });
    expect(parseOptions([], FIGURES)?.program).toMatch(/\/dist\/main\.js$/);
  });

  it("runs one round with --quick, unless --rounds is given", () => {
    expect(parseOptions(["--quick"], FIGURES)?.rounds).toBe(1);
    expect(parseOptions(["--quick", "--rounds=4"], FIGURES)?.rounds).toBe(4);
  });

  it("runs the named figures", () => {
    expect(parseOptions(["--only=idle,end-to-end", "--json", "--program=x.js"], FIGURES)).toMatchObject({
      only: ["idle", "end-to-end"],
      isJson: true,
      program: "x.js",
    });
  });

  it("accepts a second build to measure in turn with the first", () => {
    expect(parseOptions(["--against=before/dist/main.js"], FIGURES)?.against).toBe("before/dist/main.js");
    expect(parseOptions([], FIGURES)?.against).toBeUndefined();
  });

  it.each([
    [["--only=idle,nothing"], /expected names of figures \(end-to-end, .*\), got "nothing"/],
    [["--rounds=0"], /expected an integer from 1 to 99, got "0"/],
    [["--rounds=many"], /got "many"/],
    [["--fast"], /--fast/],
  ])("rejects %j in one sentence", (args, message) => expect(() => parseOptions(args, FIGURES)).toThrow(message));

  it("returns undefined for --help, whose text names every figure", () => {
    expect(parseOptions(["-h"], FIGURES)).toBeUndefined();
    expect(help(FIGURES)).toContain("end-to-end, idle");
  });
});
