import { expect, it } from "vitest";
import { PROBLEM_CODES } from "../../api/contract/problem-codes.ts";
import { loadDefinitions } from "../../jobs/registry.ts";
import { hasPart, writePart } from "./pages.ts";

const PAGE = "docs/errors.md";

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function expectPart(name: string, content: string): void {
  const part = { page: PAGE, name, content };
  if (process.env.UPDATE_DOCS === "1") writePart(part);
  expect(hasPart(part)).toBe(true);
}

it(`${PAGE} lists every code of a problem document; UPDATE_DOCS=1 writes them there`, () => {
  const rows = Object.entries(PROBLEM_CODES).map(([code, { status, meaning }]) => [
    `\`${code}\``,
    `${status}`,
    meaning,
  ]);
  const content = table(["`code`", "status", "meaning"], rows);
  expectPart("problem-codes", content);
});

it(`${PAGE} lists the error codes of each job type; UPDATE_DOCS=1 writes them there`, async () => {
  const parts = (await loadDefinitions()).flatMap(({ definition: { type, errors = {} } }) => {
    const rows = Object.entries(errors).map(([code, meaning]) => [`\`${code}\``, meaning]);
    return rows.length === 0 ? [] : [`### ${type}\n\n${table(["`error.code`", "meaning"], rows)}`];
  });
  const content = parts.join("\n\n");
  expectPart("job-codes", content);
});
