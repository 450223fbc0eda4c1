import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readFilterText } from "../../../client/filter-text.ts";
import { filtersWireOf } from "../../../client/wire.ts";
import { readBulkTarget } from "./audit-text.ts";

const NOW = Date.parse("2026-03-01T12:00:00.000Z");

/** The filters that the list of jobs reads from the filter text, by their API names, each value in a list. */
function filtersOf(target: object): Record<string, unknown> | undefined {
  const text = readBulkTarget(JSON.stringify(target))?.filterText;
  if (text === undefined) return undefined;
  const read = readFilterText(text, NOW);
  if ("issues" in read) throw new Error(read.issues.map(({ message }) => message).join("\n"));
  return listed(filtersWireOf(read.filters));
}

function listed(filters: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(filters).map(([name, value]: [string, unknown]) => [name, Array.isArray(value) ? value : [value]]),
  );
}

describe("readBulkTarget", () => {
  it("gives a filter text that selects the same jobs", () => {
    const value = fc.oneof(
      fc.string({ minLength: 1, maxLength: 12 }),
      fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom('"', "\\", ",", ":", " ", "a", "\t", "é") }),
    );
    const values = fc.array(value, { minLength: 1, maxLength: 3 });
    const targets = fc.record(
      {
        status: fc.constantFrom(["failed"], ["failed", "cancelled"]),
        type: values,
        tag: values,
        group_key: values,
        error_code: values,
        retry_of: values,
        worker: values,
        created_after: fc.constant("2026-01-31T12:00:00.000Z"),
        created_before: fc.constant("2026-01-31T12:00:00.000Z"),
        finished_after: fc.constant("2026-01-31T12:00:00.000Z"),
        finished_before: fc.constant("2026-01-31T12:00:00.000Z"),
        q: value,
        "payload.order.id": value,
        "payload.a,b": value,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(targets, (target) => {
        expect(filtersOf(target)).toEqual(listed(target));
      }),
    );
  });

  it("separates what is no filter", () => {
    expect(readBulkTarget('{"type":"webhook","rate":50,"set":{"priority":9},"include_replayed":true}')).toEqual({
      filterText: "type:webhook",
      parameters: { rate: 50, set: { priority: 9 }, include_replayed: true },
    });
    expect(readBulkTarget("{}")).toEqual({ filterText: "", parameters: {} });
  });

  it.each([
    '{"payload.a b":"1"}',
    '{"payload.a:b":"1"}',
    '{"payload.\\"":"1"}',
    '{"unknown":1}',
    '{"type":[""]}',
    '{"ty',
  ])("has no filter text for %s", (target) => {
    expect(readBulkTarget(target)).toEqual({ filterText: undefined, parameters: {} });
  });

  it("reads no other target", () => {
    expect(readBulkTarget("webhook")).toBeUndefined();
  });
});
