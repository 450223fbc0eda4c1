import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { loadDefinitions, settingsOf } from "../jobs/registry.ts";
import { describeSettings, settingsTable } from "./settings-table.ts";

const README = new URL("../../README.md", import.meta.url);
const PART = /(?<=<!-- settings -->)[^]*?(?=<!-- \/settings -->)/;

it("README.md tables the settings as they are; UPDATE_README=1 writes them there", async () => {
  const table = settingsTable(describeSettings(settingsOf(await loadDefinitions())));
  const text = readFileSync(README, "utf8");
  if (process.env.UPDATE_README === "1")
    writeFileSync(
      README,
      text.replace(PART, () => `\n${table}`),
    );
  expect(PART.exec(readFileSync(README, "utf8"))?.[0].trim()).toBe(table.trim());
});
