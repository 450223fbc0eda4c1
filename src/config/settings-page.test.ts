import { expect, it } from "vitest";
import { loadDefinitions, settingsOf } from "../jobs/registry.ts";
import { hasPart, writePart } from "../testing/repository/pages.ts";
import { describeSettings, settingsTable } from "./settings-table.ts";

const PAGE = "docs/operations/configuration.md";

it(`${PAGE} lists the settings; UPDATE_DOCS=1 writes them there`, async () => {
  const content = settingsTable(describeSettings(settingsOf(await loadDefinitions())));
  const part = { page: PAGE, name: "settings", content };
  if (process.env.UPDATE_DOCS === "1") writePart(part);
  expect(hasPart(part)).toBe(true);
});
