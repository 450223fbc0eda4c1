import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { allPages, ROOT, writePage } from "./pages.ts";

const SHOWN = /(<!-- file: (\S+) -->\n+```\w+\n)([^]*?)(?=```)/g;

const shown = allPages().filter(({ text }) => text.search(SHOWN) !== -1);

it("some page shows a file", () => {
  expect(shown.length).toBeGreaterThan(0);
});

it.each(shown)("$name shows files as they are; UPDATE_DOCS=1 writes them there", ({ name, text }) => {
  const current = text.replace(
    SHOWN,
    (_, before: string, path: string) => before + readFileSync(join(ROOT, path), "utf8"),
  );
  if (process.env.UPDATE_DOCS === "1") writePage({ name, text: current });
  else expect(text).toBe(current);
});
