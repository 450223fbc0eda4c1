/**
 * Templates of messages, from a folder that the operator keeps: `NAME.subject`, `NAME.txt` and `NAME.html`, each optional
 * but one of the last two, in Mustache. They are read at each use, so that a change takes effect with the next message.
 */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import mustache from "mustache";
import { PermanentError } from "../core/job-type.ts";
import { codeOf, messageOf } from "../errors.ts";

/** Names that cannot leave the folder. A leading `_` is for what other templates include. */
export const TEMPLATE_NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$";
const PARTIAL_NAME = /^_[A-Za-z0-9_-]{1,63}$/;

export interface RenderedTemplate {
  readonly subject: string | undefined;
  readonly text: string | undefined;
  readonly html: string | undefined;
}

/**
 * Fills a template with data: in html every value is escaped, but in `{{{…}}}`; `{{> _name}}` includes `_name.html`, or `_name.txt` in text.
 * @param folder EMAIL_TEMPLATES_DIR @param name by {@link TEMPLATE_NAME_PATTERN}
 * @throws {PermanentError} `template_not_configured`, `template_unknown`, `template_invalid`
 */
export async function renderTemplate(folder: string, name: string, data: object): Promise<RenderedTemplate> {
  if (folder === "") throw new PermanentError("EMAIL_TEMPLATES_DIR is not set, so there are no templates", { code: "template_not_configured" });
  const [subject, text, html] = await Promise.all(["subject", "txt", "html"].map((ending) => unlessAbsent(join(folder, `${name}.${ending}`))));
  if (text === undefined && html === undefined) throw new PermanentError(`there is no template ${name}: neither ${name}.html nor ${name}.txt`, { code: "template_unknown" });
  try {
    return {
      subject: subject && render(folder, subject, data, "txt").replace(/[\p{Cc}\u2028\u2029]+/gu, " ").trim(), // one line, whatever the data holds
      text: text && render(folder, text, data, "txt"),
      html: html && render(folder, html, data, "html"),
    };
  } catch (thrown) {
    throw new PermanentError(`the template ${name} cannot be filled: ${messageOf(thrown)}`, { code: "template_invalid", cause: thrown });
  }
}

function render(folder: string, template: string, data: object, kind: "txt" | "html"): string {
  const partial = (name: string): string => {
    if (!PARTIAL_NAME.test(name)) throw new Error(`{{> ${name}}}: expected a name that begins with _`);
    return readFileSync(join(folder, `${name}.${kind}`), "utf8"); // the library asks for it synchronously
  };
  return mustache.render(template, data, partial, kind === "txt" ? { escape: String } : {});
}

async function unlessAbsent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw new PermanentError(`a template cannot be read (${codeOf(thrown) ?? "unknown"})`, { code: "template_invalid", cause: thrown });
  }
}
