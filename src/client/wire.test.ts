import { expect, it } from "vitest";
import { filtersWireOf, queryOf } from "./wire.ts";

it("writes lists as the API reads them: tags and groups repeated, others separated by commas", () => {
  const fields = filtersWireOf({
    status: ["failed", "retrying"],
    tag: ["a,b", "c"],
    groupKey: "one",
    errorCode: ["http_500"],
    createdAfter: new Date(0),
    payload: { "order.someId": "4 2" },
  });
  expect([...new URLSearchParams(queryOf(fields))]).toEqual([
    ["status", "failed,retrying"],
    ["tag", "a,b"],
    ["tag", "c"],
    ["group_key", "one"],
    ["error_code", "http_500"],
    ["created_after", "1970-01-01T00:00:00.000Z"],
    ["payload.order.someId", "4 2"],
  ]);
});

it("sends an empty list, which the server rejects, because without it all jobs would match", () => {
  expect(queryOf(filtersWireOf({ tag: [], status: [] }))).toBe("?tag=&status=");
});
