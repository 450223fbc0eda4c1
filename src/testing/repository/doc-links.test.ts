/** Checks that the links, anchors and source paths on the pages exist. */
import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { allPages, type Page, ROOT, readPage } from "./pages.ts";

const FENCED = /^```[^]*?^```/gm;
const LINK = /\[(?:[^\]\\]|\\.)*\]\(([^)\s]+)\)/g;
const SOURCE = /(?<![\w/.-])(?:src|scripts|bench|docs)\/[\w./-]*\w/g;
const DIST_IMPORT = /import \{ ([^}]*) \} from "\.\/dist\/([\w/-]+)\.js"/g;
const MOST_LINES_OF_README = 200;

const pages = allPages();

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf({ text }: Page): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = [...text.replace(FENCED, "").matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) => {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    const earlier = seen.get(slug) ?? 0;
    seen.set(slug, earlier + 1);
    return earlier === 0 ? slug : `${slug}-${earlier}`;
  });
  return new Set(anchors);
}

/** Describes a broken link of a page; undefined for a valid link and for a link to another site. */
function issueOf(page: Page, target: string): string | undefined {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [path = "", anchor] = target.split("#");
  const name = path === "" ? page.name : posix.join(posix.dirname(page.name), path);
  if (!existsSync(join(ROOT, name))) return `${target}: no such file`;
  if (anchor === undefined || !name.endsWith(".md")) return undefined;
  return anchorsOf(readPage(name)).has(anchor) ? undefined : `${target}: no such heading`;
}

describe.each(pages)("$name", (page) => {
  it("links to files and headings that exist", () => {
    const links = [...page.text.replace(FENCED, "").matchAll(LINK)].map(([, target = ""]) => target);
    expect(links.map((target) => issueOf(page, target)).filter((issue) => issue !== undefined)).toEqual([]);
  });

  it("names sources that exist", () => {
    const named = [...page.text.matchAll(SOURCE)].map(([path]) => path);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it("imports what the sources export", () => {
    const missing = [...page.text.matchAll(DIST_IMPORT)].flatMap(([, names = "", path = ""]) => {
      const source = readFileSync(join(ROOT, "src", `${path}.ts`), "utf8");
      return names.split(", ").filter((name) => !new RegExp(`^export .*\\b${name}\\b`, "m").test(source));
    });
    expect(missing).toEqual([]);
  });
});

it("every page of docs/ can be reached from README.md", () => {
  const reached = new Set(["README.md"]);
  for (const name of reached) {
    if (!name.endsWith(".md")) continue;
    for (const [, target = ""] of readPage(name).text.replace(FENCED, "").matchAll(LINK))
      if (!/^(?:[a-z]+:|#)/.test(target)) reached.add(posix.join(posix.dirname(name), target.split("#")[0] ?? ""));
  }
  expect(pages.map(({ name }) => name).filter((name) => !reached.has(name))).toEqual([]);
});

it(`README.md has at most ${MOST_LINES_OF_README} lines`, () => {
  expect(readPage("README.md").text.split("\n").length - 1).toBeLessThanOrEqual(MOST_LINES_OF_README);
});
