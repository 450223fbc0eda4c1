/** What a user chose in this browser, such as the theme. Without storage (private windows), choices last for the page. */
const PREFIX = "taskflow.";
const memory = new Map<string, string>();

/** @returns null where nothing was chosen */
export function readSetting(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name) ?? memory.get(name) ?? null;
  } catch {
    return memory.get(name) ?? null; // the browser denies storage
  }
}

/** @param value null removes the choice */
export function writeSetting(name: string, value: string | null): void {
  if (value === null) memory.delete(name);
  else memory.set(name, value);
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
  } catch {
    // the browser denies storage, or it is full: the choice lasts for the page
  }
}
