import { describe, expect, it } from "vitest";
import { DEFAULT_MIX, parseMix, typeSequence } from "./mix.ts";
import { parseOptions } from "./options.ts";

describe("the mix", () => {
  it("is read from pairs", () => {
    expect(parseMix("email:70, webhook:29.5,data_export:0")).toEqual(
      new Map([
        ["email", 70],
        ["webhook", 29.5],
      ]),
    );
  });

  it.each(["", "email", "email:", "email:-1", "fax:10", "email:1,email:2", "email:0", "email:1;webhook:1"])(
    "is not %j",
    (text) => {
      expect(parseMix(text)).toBeUndefined();
    },
  );

  it("spreads the types evenly: each part of a run has the same shares", () => {
    const types = typeSequence(DEFAULT_MIX, 1_000);
    for (let from = 0; from < 1_000; from += 10) {
      const stretch = types.slice(from, from + 10);
      const count = (type: string) => stretch.filter((other) => other === type).length;
      expect([count("email"), count("webhook"), count("image_resize"), count("data_export")]).toEqual([4, 4, 1, 1]);
    }
  });
});

describe("the command line", () => {
  it("has a default for everything", () => {
    expect(parseOptions([])).toEqual({
      jobs: 1_000,
      concurrent: 50,
      mix: DEFAULT_MIX,
      rate: 40,
      pacedSeconds: 10,
      peerHost: "127.0.0.1",
      isJson: false,
      url: undefined,
      databaseUrl: undefined,
      key: undefined,
    });
    expect(parseOptions(["--help"])).toBeUndefined();
  });

  it("takes options", () => {
    const options = parseOptions([
      "--jobs=20",
      "--mix=email:1",
      "--paced-seconds",
      "0",
      "--url=http://localhost:8080/",
      "--json",
    ]);
    expect(options).toMatchObject({
      jobs: 20,
      mix: new Map([["email", 1]]),
      pacedSeconds: 0,
      url: "http://localhost:8080",
      isJson: true,
    });
  });

  it.each([
    [["--jobs=many"], '--jobs: expected integer >= 1, got "many"'],
    [["--rate=0"], '--rate: expected integer >= 1, got "0"'],
    [["--mix=fax:1"], "--mix: expected type:share pairs"],
    [["--url=localhost:8080"], "--url: expected http://HOST:PORT"],
    [["--speed=9"], "Unknown option '--speed'"],
  ])("rejects %j", (args, message) => {
    expect(() => parseOptions(args)).toThrow(message);
  });
});
