/**
 * Which templates there are: asked for each submission that names one, so the folder is read only for a name that is not known yet, and only
 * when the folder has changed: one request may name ten thousand templates that are not there.
 */
import { readdirSync, statSync } from "node:fs";
import type { PayloadIssue } from "../../core/job-type.ts";
import type { EmailPayload } from "./payload.ts";

const TEXT_FILE = /^(.+)\.(?:txt|html)$/;

/** File systems note changes in ticks of up to 10 ms (ext4: 4 ms): one that follows in the same tick does not show. */
const TICK_MS = 50;

interface Asked {
  /** Empty: there are no templates. */
  readonly EMAIL_TEMPLATES_DIR?: string;
}

/**
 * Makes the check of a job's `template`, which keeps the names that it has seen. A name that is taken out of the folder
 * later is accepted still, and its job fails (`template_unknown`); so it does where the folder cannot be read here, for a
 * replica that only takes jobs need not have it.
 */
export function templateCheck(): (payload: Pick<EmailPayload, "template">, settings: Asked) => PayloadIssue[] {
  let seen: ReadonlySet<string> = new Set();
  let seenIn = "";
  let changedAt = Number.NaN; // of the folder, as far as `seen` knows it for sure
  const isThere = (folder: string, name: string): boolean => {
    if (folder === seenIn && seen.has(name)) return true;
    const now = changeOf(folder);
    if (folder === seenIn && now === changedAt) return false;
    const names = namesIn(folder);
    if (names === undefined || now === undefined) return true; // as far as can be known here
    [seen, seenIn, changedAt] = [names, folder, Date.now() - now > TICK_MS ? now : Number.NaN];
    return names.has(name);
  };
  return ({ template }, { EMAIL_TEMPLATES_DIR: folder = "" }) => {
    if (template === undefined) return [];
    if (folder === "")
      return [{ path: "/template", message: "there are no templates: EMAIL_TEMPLATES_DIR is not set" }];
    return isThere(folder, template)
      ? []
      : [{ path: "/template", message: `there is no template ${template} in EMAIL_TEMPLATES_DIR` }];
  };
}

/** When a name was last added or removed, epoch ms. */
function changeOf(folder: string): number | undefined {
  try {
    return statSync(folder).mtimeMs;
  } catch {
    return undefined; // as in namesIn
  }
}

function namesIn(folder: string): ReadonlySet<string> | undefined {
  try {
    return new Set(readdirSync(folder).flatMap((file) => TEXT_FILE.exec(file)?.[1] ?? []));
  } catch {
    return undefined; // not there, or not to be read by this replica: the one that runs the job says so
  }
}
