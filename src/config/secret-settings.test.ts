import { Type } from "typebox";
import { describe, expect, it } from "vitest";
import { loadConfig } from "./config.ts";
import { isSecret, secretNames } from "./secret-settings.ts";
import { baseSettings } from "./settings.ts";
import { describeSettings } from "./settings-table.ts";

describe("a secret setting", () => {
  it("has the keyword `secret` in its schema, or a name like a credential without the keyword", () => {
    expect(isSecret("NOTE", { secret: true })).toBe(true);
    expect(isSecret("TOKEN_LIMIT", { secret: false })).toBe(false);
    expect(
      ["SMS_TOKEN", "SMS_API_KEY", "PIN_SECRET", "SMS_PASSWORD", "SMS_PWD", "SMS_KEYS"].every((n) => isSecret(n, {})),
    ).toBe(true);
    expect(["SMS_NAME", "SMS_KEY_FILE", "KEYWORDS", "MONKEY_BARS"].some((name) => isSecret(name, {}))).toBe(false);
  });

  it("has the keyword if it is a setting of the program with such a name", () => {
    const { properties } = baseSettings as { readonly properties: Readonly<Record<string, { secret?: boolean }>> };
    expect(secretNames([baseSettings]).filter((name) => properties[name]?.secret !== true)).toEqual([]);
  });

  it("of a job type may be given in a file, and its default is not shown", () => {
    const table = Type.Object({ SMS_TOKEN: Type.String({ default: "hunter2-hunter2" }) });
    expect(describeSettings([table]).find(({ name }) => name === "SMS_TOKEN")).toMatchObject({
      type: "text or file",
      default: "",
    });
  });

  it("is hidden in the log, unless it is an address or short", () => {
    const table = Type.Object({ SMS_TOKEN: Type.String(), SMS_PIN_SECRET: Type.String() });
    const { secrets } = loadConfig(
      {
        CALLBACK_SECRET: "first-secret second-secret",
        DATABASE_URL: "postgres://a:hunter2hunter2@db/x",
        SMS_TOKEN: "abcdefgh",
        SMS_PIN_SECRET: "1234",
      },
      [table],
    );
    expect([...secrets].sort()).toEqual(["abcdefgh", "first-secret", "second-secret"]);
  });
});
