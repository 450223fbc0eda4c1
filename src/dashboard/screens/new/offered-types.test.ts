import { expect, it } from "vitest";
import { offeredTypes } from "./offered-types.ts";

it("offers built-in types first, the others by name, and no type that changes other jobs", () => {
  const types = [
    { type: "sms", is_built_in: false },
    { type: "webhook", is_built_in: true },
    { type: "email", is_built_in: true },
    { type: "replay", is_built_in: true },
    { type: "bulk_cancel", is_built_in: true },
    { type: "schedule_backfill", is_built_in: true },
    { type: "batch_results", is_built_in: true },
    { type: "bulk_import", is_built_in: false },
    { type: "gone", is_built_in: null },
  ];
  expect(offeredTypes(types).map(({ type }) => type)).toEqual(["webhook", "email", "bulk_import", "gone", "sms"]);
});
