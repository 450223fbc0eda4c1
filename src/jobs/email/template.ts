/**
 * Mustache templates of messages, from a folder of the operator: `NAME.subject`, `NAME.txt` and `NAME.html`, of which
 * at least one of the last two is required. They are read at each use, so a change takes effect with the next message.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import mustache from "mustache";
import type { AttemptContext } from "../../core/job-type.ts";
import { PermanentError, TaskError } from "../../core/job-type.ts";
import { codeOf, messageOf } from "../../errors.ts";
import { BoundedWriter, RenderBudget } from "./bounded-writer.ts";
import { emailError } from "./error-codes.ts";

/** Names that cannot leave the folder. A leading `_` is reserved for files that templates include. */
export const TEMPLATE_NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$";
const PARTIAL_NAME = /^_[A-Za-z0-9_-]{1,63}$/;

export interface RenderedTemplate {
  readonly subject: string | undefined;
  readonly text: string | undefined;
  readonly html: string | undefined;
}

/**
 * Fills a template with data: in html every value is escaped, but in `{{{…}}}`; `{{> _name}}` includes `_name.html`, or
 * `_name.txt` in text. The time is limited, but too long for the main thread. An {@link ExactNumber} in the data is
 * written digit by digit.
 * @param folder EMAIL_TEMPLATES_DIR @param name by {@link TEMPLATE_NAME_PATTERN}
 * @throws {PermanentError} `template_not_configured`, `template_unknown`, `template_invalid`, `template_too_large`
 */
export function renderTemplate(folder: string, name: string, data: object): RenderedTemplate {
  if (folder === "")
    throw emailError.permanent("template_not_configured", "EMAIL_TEMPLATES_DIR is not set, so there are no templates");
  const [subject, text, html] = ["subject", "txt", "html"].map((ending) =>
    unlessAbsent(join(folder, `${name}.${ending}`)),
  );
  if (text === undefined && html === undefined)
    throw emailError.permanent(
      "template_unknown",
      `there is no template ${name}: neither ${name}.html nor ${name}.txt`,
    );
  const budget = new RenderBudget();
  const plain = filler(budget, folder, "txt", data);
  try {
    return {
      subject:
        subject &&
        plain(subject)
          .replace(/[\p{Cc}\u2028\u2029]+/gu, " ")
          .trim(), // one line, even if the data has several
      text: text && plain(text),
      html: html && filler(budget, folder, "html", data)(html),
    };
  } catch (thrown) {
    if (thrown instanceof PermanentError) throw thrown;
    throw emailError.permanent(
      "template_invalid",
      `the template ${name} cannot be filled: ${messageOf(thrown)}`,
      thrown,
    );
  }
}

/**
 * A message that takes a tenth of this is rejected as too large; the rest allows for a slow folder and a busy machine.
 */
const TIMEOUT_MS = 5_000;

/**
 * Runs {@link renderTemplate} as the task `render`.
 * @throws {PermanentError} the errors of {@link renderTemplate}, and `template_too_slow`
 */
export async function renderOnThread(
  onThread: AttemptContext<unknown>["onThread"],
  folder: string,
): Promise<RenderedTemplate> {
  try {
    return (await onThread("render", folder, TIMEOUT_MS)) as RenderedTemplate;
  } catch (thrown) {
    if (!(thrown instanceof TaskError) || thrown.code === "thread_exited") throw thrown;
    const late = `the template was not filled within ${TIMEOUT_MS} ms`;
    if (thrown.code === "task_timeout") throw emailError.permanent("template_too_slow", late, thrown);
    throw emailError.permanent("template_too_large", "filling the template takes too much memory", thrown);
  }
}

/** A function that fills templates of one kind. Each included file is read once. */
function filler(
  budget: RenderBudget,
  folder: string,
  kind: "txt" | "html",
  data: object,
): (template: string) => string {
  const writer = new BoundedWriter(budget);
  const partials = new Map<string, string>();
  const partial = (name: string): string => {
    if (!PARTIAL_NAME.test(name)) throw new Error(`{{> ${name}}}: expected a name that begins with _`);
    const text = partials.get(name) ?? readFileSync(join(folder, `${name}.${kind}`), "utf8");
    partials.set(name, text);
    return text;
  };
  return (template) => writer.fill(template, data, partial, kind === "txt" ? String : mustache.escape);
}

function unlessAbsent(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw emailError.permanent(
      "template_invalid",
      `a template cannot be read (${codeOf(thrown) ?? "unknown"})`,
      thrown,
    );
  }
}
