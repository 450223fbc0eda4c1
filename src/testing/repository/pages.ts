/** The Markdown pages of the repository, for the tests that compare them with the program. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
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

export interface GeneratedPart {
  /** The name of the page. */
  readonly page: string;
  /** The part is between `<!-- NAME -->` and `<!-- /NAME -->`. */
  readonly name: string;
  readonly content: string;
}

/** Whether a page has a part with this content, apart from white space at its ends and in table cells. */
export function hasPart({ page, name, content }: GeneratedPart): boolean {
  return squeezed(patternOf(name).exec(readPage(page).text)?.[0] ?? "") === squeezed(content);
}

/** Writes a part into its page. @throws Error for a page without the part */
export function writePart({ page, name, content }: GeneratedPart): void {
  const { text } = readPage(page);
  if (!patternOf(name).test(text)) throw new Error(`${page} has no part <!-- ${name} -->`);
  writePage({ name: page, text: text.replace(patternOf(name), () => `\n${content.trim()}\n\n`) });
}

function patternOf(name: string): RegExp {
  return new RegExp(`(?<=<!-- ${name} -->\\n)[^]*?(?=<!-- /${name} -->)`);
}

/** A table without the padding by which formatters align its columns. */
function squeezed(markdown: string): string {
  return markdown.replace(/ {2,}/g, " ").replace(/-{4,}/g, "---").trim();
}
