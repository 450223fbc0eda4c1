import { describe, expect, it } from "vitest";
import { bulkFilters } from "./bulk-filters.ts";

describe("the filters of a bulk operation", () => {
  it("name the statuses that the operation acts on", () => {
    expect(bulkFilters("cancel", { type: "email" })).toEqual({
      type: "email",
      status: ["waiting", "scheduled", "queued", "running", "retrying"],
    });
    expect(bulkFilters("retry", {})).toEqual({ status: ["failed"] });
  });

  it("keep of the given statuses those that it acts on", () => {
    expect(bulkFilters("cancel", { status: ["failed", "running"] })).toEqual({ status: ["running"] });
    expect(bulkFilters("retry", { status: "cancelled" })).toEqual({ status: ["cancelled"] });
  });

  it("are undefined if the operation acts on none of the given statuses", () => {
    expect(bulkFilters("erase", { status: ["queued"] })).toBeUndefined();
    expect(bulkFilters("run", { status: "running" })).toBeUndefined();
  });
});
