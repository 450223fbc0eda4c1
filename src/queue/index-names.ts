/**
 * The names under which the index has a job: its tags, its group, the job that it runs again. A member of the index is a
 * name, a NUL and the job's id: the members of one name are in the order of their ids. No name contains a NUL, as no tag
 * and no group may have a control character. Most jobs have no names, and are not in the index.
 */
import type { Submission } from "../core/job.ts";

/** Separates the names of a job in an argument, and a name from the id in a member. */
const SEPARATOR = "\0";

export const tagName = (tag: string): string => `t${tag}`;
export const groupName = (groupKey: string): string => `g${groupKey}`;
export const retryName = (id: string): string => `r${id}`;
/** Of jobs that were attempted and waited again; settle.lua adds it. Such a job may have an error and still be live. */
export const ATTEMPTED = "a";

/** The names of a job, as the scripts take them: joined, and "" for none. */
export function indexNames({
  groupKey,
  options: { tags, retry_of },
}: Pick<Submission, "groupKey" | "options">): string {
  if (groupKey === null && tags === undefined && retry_of === undefined) return "";
  const names = (tags ?? []).map(tagName);
  if (groupKey !== null) names.push(groupName(groupKey));
  if (retry_of !== undefined) names.push(retryName(retry_of));
  return names.join(SEPARATOR);
}

/** Names as the scripts take them, with one more. */
export function joinNames(names: string, name: string): string {
  return names === "" ? name : names + SEPARATOR + name;
}

/** The member of the index that a job has under one name. */
export const memberOf = (name: string, id: string): string => name + SEPARATOR + id;
