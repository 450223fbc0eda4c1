/**
 * Mustache with a limit on the cost of one message. A section can also use names of the enclosing data, so a list
 * inside a list turns N + M elements into N × M: the writer counts the characters that it writes, and the steps that
 * write nothing.
 */
import mustache from "mustache";
import { ExactNumber } from "../../core/exact-number.ts";
import type { PermanentError } from "../../core/job-type.ts";
import { emailError } from "./error-codes.ts";

/** Characters in all parts of a message together; a long newsletter has a tenth of this. */
const MAX_LENGTH = 2_097_152;

/**
 * A step is a token, an element of a list, a scope in which a name is searched, or 64 characters of an included
 * template. This many steps take a quarter of a second.
 */
const MAX_STEPS = 2_000_000;

export class RenderBudget {
  #length = MAX_LENGTH;
  #steps = MAX_STEPS;

  /** @throws {PermanentError} `template_too_large` */
  write(length: number): void {
    this.#length -= length;
    if (this.#length < 0) throw tooLarge(`more than ${MAX_LENGTH} characters`);
  }

  /** @throws {PermanentError} `template_too_large` */
  step(steps: number): void {
    this.#steps -= steps;
    if (this.#steps < 0) throw tooLarge(`more than ${MAX_STEPS} steps`);
  }
}

function tooLarge(what: string): PermanentError {
  return emailError.permanent(
    "template_too_large",
    `the template makes ${what} from this data: lists inside lists multiply`,
  );
}

type Config = { readonly escape: (value: unknown) => string };
type Partials = (name: string) => string;

/** Caches what was parsed from the texts of recently used templates. */
const parsed = new Map<string, unknown>();
const MAX_PARSED = 500;

/** Fills templates one after the other, within one budget. */
export class BoundedWriter extends mustache.Writer {
  readonly #budget: RenderBudget;
  /** Caches each object's text. Making it takes as long as the object has elements, and it may write few characters. */
  readonly #texts = new Map<object, string>();

  constructor(budget: RenderBudget) {
    super();
    this.#budget = budget;
  }

  /** @param escape converts a value's text to the text that is written */
  fill(template: string, data: object, partials: Partials, escape: (text: string) => string): string {
    const config: Config = {
      escape: (value) => {
        const text = this.#textOf(value);
        this.#budget.write(text.length); // before escaping, which turns one character into up to six
        const escaped = escape(text);
        this.#budget.write(escaped.length - text.length);
        return escaped;
      },
    };
    return this.render(template, new BoundedContext(data, undefined, this.#budget), partials, config);
  }

  override parse(template: string): unknown {
    this.#budget.step(1 + template.length / 64);
    let tokens = parsed.get(template);
    if (tokens === undefined) {
      if (parsed.size >= MAX_PARSED) parsed.clear();
      tokens = super.parse(template);
      parsed.set(template, tokens);
    }
    return tokens;
  }

  override renderTokens(
    tokens: string[][],
    context: mustache.Context,
    partials?: Partials,
    template?: string,
    config?: Config,
  ): string {
    this.#budget.step(1 + tokens.length);
    return super.renderTokens(tokens, context, partials, template, config);
  }

  override renderSection(...[token, context, ...rest]: Parameters<mustache.Writer["renderSection"]>): string {
    return isExactZero(token, context) ? "" : super.renderSection(token, context, ...rest);
  }

  override renderInverted(...[token, context, ...rest]: Parameters<mustache.Writer["renderInverted"]>): string {
    if (!isExactZero(token, context)) return super.renderInverted(token, context, ...rest);
    return this.renderTokens(token[4] as unknown as string[][], context, ...(rest as [Partials?, string?, Config?]));
  }

  override unescapedValue(token: string[], context: mustache.Context): string {
    const value: unknown = super.unescapedValue(token, context);
    if (value === undefined || value === null) return "";
    const text = this.#textOf(value);
    this.#budget.write(text.length);
    return text;
  }

  override rawValue(token: string[]): string {
    const text = super.rawValue(token);
    this.#budget.write(text.length);
    return text;
  }

  #textOf(value: unknown): string {
    if (typeof value !== "object" || value === null) return String(value);
    const text = this.#texts.get(value) ?? (value as unknown[]).toString();
    this.#texts.set(value, text);
    return text;
  }
}

/**
 * Mustache treats every object as true. This check costs no steps: the section pays for the look-up, which then finds
 * the value in the cache.
 */
function isExactZero([, name = ""]: string[], context: mustache.Context): boolean {
  const value: unknown = mustache.Context.prototype.lookup.call(context, name);
  return value instanceof ExactNumber && value.isZero;
}

class BoundedContext extends mustache.Context {
  readonly #budget: RenderBudget;
  readonly #depth: number;

  constructor(view: unknown, parent: BoundedContext | undefined, budget: RenderBudget) {
    // as in any number, no name is searched in it
    super(view instanceof ExactNumber ? 1 : view, parent);
    if (view instanceof ExactNumber) (this as unknown as { readonly cache: Record<string, unknown> }).cache["."] = view;
    this.#budget = budget;
    this.#depth = parent === undefined ? 1 : parent.#depth + 1;
  }

  override push(view: unknown): BoundedContext {
    return new BoundedContext(view, this, this.#budget);
  }

  override lookup(name: string): unknown {
    this.#budget.step(this.#depth);
    return super.lookup(name);
  }
}
