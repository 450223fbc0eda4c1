import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../parts/schema-form/json-document.ts";
import { nodeOf, parseJson, printJson } from "../../parts/schema-form/json-document.ts";
import type { TimingKind } from "./definition.ts";
import {
  definitionText,
  hasField,
  jobTypeOf,
  timingIn,
  timingKindOf,
  withJobType,
  withTimingKind,
} from "./definition.ts";

function objectOf(json: string): JsonObject {
  const parsed = parseJson(json);
  if (!("node" in parsed) || parsed.node.kind !== "object") throw new Error(`no object: ${json}`);
  return parsed.node;
}

const NOW = Date.parse("2026-03-01T12:10:00Z");

describe("the definition of a schedule", () => {
  it("is what callers write, without absent members, and with every digit of the payload", () => {
    const json =
      '{"name":"a","version":7,"state":"active","cron":"0 3 * * *","time_zone":"UTC","start_at":null,"catch_up":{"policy":"last","within_ms":null,"max":100},"job":{"type":"noop","payload":{"id":12345678901234567890,"none":null}},"description":null,"next_run_at":"2026-03-02T03:00:00Z"}';
    expect(definitionText(json)).toBe(`{
  "cron": "0 3 * * *",
  "time_zone": "UTC",
  "catch_up": {
    "policy": "last",
    "max": 100
  },
  "job": {
    "type": "noop",
    "payload": {
      "id": 12345678901234567890,
      "none": null
    }
  }
}`);
  });

  it("has the type of its job", () => {
    expect(jobTypeOf(objectOf('{"job":{"type":"noop"}}'))).toBe("noop");
    expect(jobTypeOf(objectOf('{"job":{"type":7}}'))).toBeUndefined();
    expect(jobTypeOf(objectOf('{"job":[]}'))).toBeUndefined();
    expect(jobTypeOf(objectOf("{}"))).toBeUndefined();
  });

  it("gets another type with its payload, and keeps the options of the job", () => {
    const definition = objectOf('{"job":{"tags":["a"],"type":"noop","payload":{"old":1}}}');
    expect(printJson(withJobType(definition, "email", nodeOf({ to: "x" })))).toBe(
      printJson(objectOf('{"type":"email","payload":{"to":"x"},"tags":["a"]}')),
    );
    expect(printJson(withJobType(objectOf("{}"), "noop", nodeOf({})))).toBe(
      printJson(objectOf('{"type":"noop","payload":{}}')),
    );
  });
});

describe("the timing of a definition", () => {
  it.each([
    ['{"cron":"* * * * *"}', "cron"],
    ['{"every_ms":1000,"offset_ms":5}', "every"],
    ['{"times":[]}', "times"],
    ['{"cron":"* * * * *","every_ms":1000}', undefined],
    ["{}", undefined],
  ])("of %s is %s", (json, kind) => {
    expect(timingKindOf(objectOf(json))).toBe(kind);
  });

  it.each<[TimingKind, string]>([
    ["cron", '{"description":"a","cron":"0 3 * * *","job":{}}'],
    ["every", '{"description":"a","every_ms":900000,"job":{}}'],
    ["times", '{"description":"a","times":["2026-03-02T12:00:00Z"],"job":{}}'],
  ])("becomes %s in its place, without the members of another one", (kind, json) => {
    const definition = objectOf('{"description":"a","every_ms":1000,"offset_ms":5,"job":{},"times":[]}');
    expect(printJson(withTimingKind(definition, kind, NOW))).toBe(printJson(objectOf(json)));
  });

  it("leads a definition that had none", () => {
    expect(printJson(withTimingKind(objectOf('{"job":{}}'), "cron", NOW))).toBe(
      printJson(objectOf('{"cron":"0 3 * * *","job":{}}')),
    );
  });

  it("is read as far as it is valid", () => {
    expect(timingIn(objectOf('{"cron":7,"every_ms":"a","times":["2026-03-02T12:00:00Z"]}'))).toEqual({
      cron: undefined,
      every_ms: undefined,
      offset_ms: undefined,
      times: ["2026-03-02T12:00:00Z"],
    });
  });
});

it("knows which issues have a field", () => {
  const paths = ["/cron", "/catch_up/max", "/job/payload/to/0", "/job/tags/1", "/times/3"];
  expect(paths.filter(hasField)).toEqual(paths);
  expect(["", "/job", "/job/backoff/kind", "/crons", "/unknown"].filter(hasField)).toEqual([]);
});
