/** API keys of a replica whose dashboard is tested, and signing in with them. */
import { createHash } from "node:crypto";
import type { Page } from "playwright-core";

export const hashOfKey = (key: string): string => createHash("sha256").update(key).digest("hex");

/** The value of `TASKFLOW_API_KEYS`. @param scopes by key, such as `submit+read`; a key is its own name */
export function apiKeysOf(scopes: Readonly<Record<string, string>>): string {
  return Object.entries(scopes)
    .map(([key, scope]) => `${key}:${scope}:${hashOfKey(key)}`)
    .join(",");
}

export async function signIn(page: Page, key: string, { isKept = false } = {}): Promise<void> {
  await page.getByLabel("API key").fill(key);
  if (isKept) await page.getByLabel("Keep it for this tab").check();
  await page.keyboard.press("Enter");
}
