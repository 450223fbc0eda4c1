/** Which templates there are: asked for each submission that names one, so the folder is read only for a name that is not known yet. */
import { readdirSync } from "node:fs";
import type { PayloadFault } from "../core/job-type.ts";
import type { EmailPayload } from "./payload.ts";

const TEXT_FILE = /^(.+)\.(?:txt|html)$/;

interface Asked {
  /** Empty: there are no templates. */
  readonly EMAIL_TEMPLATES_DIR?: string;
}

/**
 * Makes the check of a job's `template`, which keeps the names that it has seen. A name that is taken out of the folder
 * later is accepted still, and its job fails (`template_unknown`); so it does where the folder cannot be read here, for a
 * replica that only takes jobs need not have it.
 */
export function templateCheck(): (payload: Pick<EmailPayload, "template">, settings: Asked) => PayloadFault[] {
  let seen: ReadonlySet<string> = new Set();
  let seenIn = "";
  const isThere = (folder: string, name: string): boolean => {
    if (folder === seenIn && seen.has(name)) return true;
    const names = namesIn(folder);
    if (names === undefined) return true; // as far as can be known here
    [seen, seenIn] = [names, folder];
    return names.has(name);
  };
  return ({ template }, { EMAIL_TEMPLATES_DIR: folder = "" }) => {
    if (template === undefined) return [];
    if (folder === "") return [{ path: "/template", message: "there are no templates: EMAIL_TEMPLATES_DIR is not set" }];
    return isThere(folder, template) ? [] : [{ path: "/template", message: `there is no template ${template} in EMAIL_TEMPLATES_DIR` }];
  };
}

function namesIn(folder: string): ReadonlySet<string> | undefined {
  try {
    return new Set(readdirSync(folder).flatMap((file) => TEXT_FILE.exec(file)?.[1] ?? []));
  } catch {
    return undefined; // not there, or not to be read by this replica: the one that runs the job says so
  }
}
