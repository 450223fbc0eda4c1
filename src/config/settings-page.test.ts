import { expect, it } from "vitest";
import { loadDefinitions, settingsOf } from "../jobs/registry.ts";
import { generatedPart } from "../testing/repository/pages.ts";
import { describeSettings, settingsTable } from "./settings-table.ts";

const PAGE = "docs/operations/configuration.md";

it(`${PAGE} lists the settings; UPDATE_DOCS=1 writes them there`, async () => {
  const table = settingsTable(describeSettings(settingsOf(await loadDefinitions())));
  expect(generatedPart(PAGE, "settings", table)).toBe(table.trim());
});
