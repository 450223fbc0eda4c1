import { expect, it } from "vitest";
import { markdownTable, plainTable } from "./text-table.ts";

const rows = [
  ["type", "jobs"],
  ["email", "3"],
  ["webhook", "12000"],
];
const isRight = (column: number): boolean => column > 0;

it("aligns columns without a frame", () => {
  expect(plainTable(rows, { isRight })).toBe("type      jobs\nemail        3\nwebhook  12000");
  expect(plainTable(rows)).toBe("type     jobs\nemail    3\nwebhook  12000");
});

it("writes a Markdown table", () => {
  expect(markdownTable(rows, { isRight })).toBe(
    "| type    |  jobs |\n|---------|------:|\n| email   |     3 |\n| webhook | 12000 |",
  );
  expect(markdownTable(rows).split("\n")[1]).toBe("|---------|-------|");
});
