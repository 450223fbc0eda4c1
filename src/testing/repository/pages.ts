/** The Markdown pages of the repository, for the tests that compare them with the program. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** Set to rewrite the generated parts and the shown answers of the pages instead of comparing them. */
export const UPDATES_PAGES = process.env.UPDATE_DOCS === "1";

export interface Page {
  /** Its path from the root of the repository: `docs/api.md`. */
  readonly name: string;
  readonly text: string;
}

export function readPage(name: string): Page {
  return { name, text: readFileSync(join(ROOT, name), "utf8") };
}

export function writePage({ name, text }: Page): void {
  writeFileSync(join(ROOT, name), text);
}

/** README.md and its neighbours, then every page of docs/. */
export function allPages(): readonly Page[] {
  const beside = readdirSync(ROOT);
  const inDocs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).map((path) => `docs/${path}`);
  return [...beside, ...inDocs]
    .filter((name) => name.endsWith(".md"))
    .sort()
    .map(readPage);
}

/**
 * The part of a page between `<!-- NAME -->` and `<!-- /NAME -->`, without the white space around it. With UPDATE_DOCS=1
 * `content` is written there first.
 * @throws Error for a page without such a part
 */
export function generatedPart(pageName: string, part: string, content: string): string {
  const pattern = new RegExp(`(?<=<!-- ${part} -->\\n)[^]*?(?=<!-- /${part} -->)`);
  const page = readPage(pageName);
  if (!pattern.test(page.text)) throw new Error(`${pageName} has no part <!-- ${part} -->`);
  const text = UPDATES_PAGES ? page.text.replace(pattern, () => `\n${content.trim()}\n\n`) : page.text;
  if (text !== page.text) writePage({ name: pageName, text });
  return (pattern.exec(text)?.[0] ?? "").trim();
}
