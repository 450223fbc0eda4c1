import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Type } from "typebox";
import { afterAll, describe, expect, it } from "vitest";
import { makeTempDir } from "../testing/temp-dir.ts";
import { loadConfig } from "./config.ts";

const dir = makeTempDir();
afterAll(() => dir.remove());

function file(name: string, text: string): string {
  const path = join(dir.path, name);
  writeFileSync(path, text);
  return path;
}

describe("secrets in files", () => {
  it("are read without the line end", () => {
    const config = loadConfig(
      {
        DATABASE_URL_FILE: file("url", "postgres://a:p%20w@host:5432/db\r\n\n"),
        CALLBACK_SECRET_FILE: file("secret", " a secret "),
      },
      [],
    );
    expect([config.DATABASE_URL, config.CALLBACK_SECRET]).toEqual(["postgres://a:p%20w@host:5432/db", " a secret "]);
  });

  it.each([
    ["REDIS_ADDR", "redis://:secret@redis:6379"],
    ["DATABASE_URL", "postgres://a:secret@host/db"],
    ["SMTP_URL", "smtp://a:secret@host"],
    ["CALLBACK_SECRET", "whsec_secret"],
    ["ARTIFACT_LINK_SECRET", "secret".repeat(6)],
    ["TASKFLOW_API_KEYS", `ci:read:${"a".repeat(64)}`],
  ] as const)("may hold %s", (name, text) => {
    expect(loadConfig({ [`${name}_FILE`]: file(name, text) }, [])[name]).toEqual(
      loadConfig({ [name]: text }, [])[name],
    );
  });

  it("are read for the secrets of job types, but not for their other settings", () => {
    const ofTypes = [
      Type.Object({
        SHOP_TOKEN: Type.String({ secret: true }),
        SHOP_NAME: Type.String({ default: "" }),
        PIN: Type.String({ secret: true, default: "" }),
        PIN_FILE: Type.String({ default: "" }),
      }),
    ];
    const { typeSettings } = loadConfig(
      { SHOP_TOKEN_FILE: file("token", "abc\n"), SHOP_NAME_FILE: file("name", "x"), PIN_FILE: "a-name" },
      ofTypes,
    );
    expect(typeSettings).toEqual({ SHOP_TOKEN: "abc", SHOP_NAME: "", PIN: "", PIN_FILE: "a-name" });
  });

  it("are rejected if the setting is set too, or if they are empty or unreadable; no issue shows their contents", () => {
    mkdirSync(join(dir.path, "folder"));
    const settings = {
      DATABASE_URL: "postgres://a@host/db",
      DATABASE_URL_FILE: file("both", "postgres://a@host/db"),
      CALLBACK_SECRET_FILE: file("empty", "\n"),
      SMTP_URL_FILE: join(dir.path, "folder"),
      ARTIFACT_LINK_SECRET_FILE: join(dir.path, "missing"),
      REDIS_ADDR_FILE: file("wrong", "secret words"),
    };
    const sentences = [
      "DATABASE_URL_FILE: DATABASE_URL is set, too: set one of the two",
      `CALLBACK_SECRET_FILE: "${settings.CALLBACK_SECRET_FILE}" is empty`,
      `SMTP_URL_FILE: "${settings.SMTP_URL_FILE}" cannot be read (EISDIR)`,
      `ARTIFACT_LINK_SECRET_FILE: "${settings.ARTIFACT_LINK_SECRET_FILE}" cannot be read (ENOENT)`,
    ];
    const thrown = (() => {
      try {
        loadConfig(settings, []);
      } catch (error) {
        return String(error);
      }
      return "";
    })();
    for (const sentence of sentences) expect(thrown).toContain(sentence);
    expect(thrown).toMatch(/REDIS_ADDR: expected .*, got a value that is not shown/);
    expect(thrown).not.toContain("secret words");
  });

  it("an empty variable counts as not set, and a file for a setting that is not secret is rejected", () => {
    expect(loadConfig({ DATABASE_URL_FILE: "", TASKFLOW_API_KEYS_FILE: "" }, []).DATABASE_URL).toBe("");
    expect(() => loadConfig({ TASKFLOW_ROLE_FILE: "x" }, [])).toThrow(/^TASKFLOW_ROLE_FILE: no setting has this name/);
  });
});
