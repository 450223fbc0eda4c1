/** The entries of the audit log in words, and as filter texts. */

/** By the name of the action. */
export const ACTIONS: Readonly<Record<string, string>> = {
  "queues.pause": "Pause queue",
  "queues.resume": "Resume queue",
  "jobs.cancel": "Cancel jobs",
  "jobs.replay": "Run jobs again",
  "jobs.run": "Run jobs now",
  "jobs.update": "Update jobs",
  "jobs.erase": "Erase jobs",
  "destinations.reset": "Try destination",
  "keys.create": "Create API key",
  "keys.revoke": "Revoke API key",
};

/** The keys of filter texts by the filters of the API. */
const KEYS: Readonly<Record<string, string>> = {
  status: "status",
  type: "type",
  tag: "tag",
  group_key: "group",
  error_code: "code",
  retry_of: "retry-of",
  worker: "worker",
  created_after: "since",
  created_before: "until",
  finished_after: "finished-since",
  finished_before: "finished-until",
};

/**
 * The filter text of a target that has filters as JSON; undefined for another target, and for filters that a filter
 * text cannot express.
 */
export function filterTextOfTarget(target: string): string | undefined {
  if (!target.startsWith("{")) return undefined;
  let filters: Record<string, unknown>;
  try {
    filters = JSON.parse(target) as Record<string, unknown>;
  } catch {
    return undefined; // the target was cut
  }
  const words: string[] = [];
  for (const [name, value] of Object.entries(filters)) {
    if (name === "rate") continue; // no filter: the jobs per second of a re-run
    const values = (Array.isArray(value) ? value : [value]).map(String);
    const key = name.startsWith("payload.") ? name : KEYS[name];
    if (name === "q") words.push(...values.map(quoted));
    else if (key === undefined) return undefined;
    else words.push(`${key}:${values.map(quoted).join(",")}`);
  }
  return words.join(" ");
}

/** A value of a filter text, in double quotes where it needs them. */
function quoted(value: string): string {
  return /[\s",:\\]/.test(value) && !/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)
    ? `"${value.replace(/["\\]/g, "\\$&")}"`
    : value;
}
