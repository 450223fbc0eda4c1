/**
 * The names of the existing templates. Each submission with a template is checked, so the folder is read only for an
 * unknown name, and only if the folder has changed: one request may name ten thousand templates that do not exist.
 */
import { readdirSync, statSync } from "node:fs";
import type { PayloadIssue } from "../../core/job-type.ts";
import type { EmailPayload } from "./payload.ts";

const TEXT_FILE = /^(.+)\.(?:txt|html)$/;

/**
 * File systems record changes in ticks of up to 10 ms (ext4: 4 ms), so a second change in the same tick is not visible.
 */
const TICK_MS = 50;

interface Asked {
  /** Empty: there are no templates. */
  readonly EMAIL_TEMPLATES_DIR?: string;
}

/**
 * Makes the check of a job's `template`, which caches the names. A template that is removed later is still accepted,
 * and its job fails (`template_unknown`). If the folder cannot be read, every name is accepted: a replica that only
 * accepts jobs need not have the folder.
 */
export function templateCheck(): (payload: Pick<EmailPayload, "template">, settings: Asked) => PayloadIssue[] {
  let seen: ReadonlySet<string> = new Set();
  let seenIn = "";
  let changedAt = Number.NaN; // the folder's last change that `seen` certainly includes
  const isThere = (folder: string, name: string): boolean => {
    if (folder === seenIn && seen.has(name)) return true;
    const now = changeOf(folder);
    if (folder === seenIn && now === changedAt) return false;
    const names = namesIn(folder);
    if (names === undefined || now === undefined) return true; // this replica cannot know
    [seen, seenIn, changedAt] = [names, folder, Date.now() - now > TICK_MS ? now : Number.NaN];
    return names.has(name);
  };
  return ({ template }, { EMAIL_TEMPLATES_DIR: folder = "" }) => {
    if (template === undefined) return [];
    if (folder === "")
      return [{ path: "/template", message: "there are no templates, because EMAIL_TEMPLATES_DIR is not set" }];
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
    return undefined; // the folder is missing or unreadable here: the replica that runs the job reports it
  }
}
