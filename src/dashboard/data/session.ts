/** Who the user is, what they may do, and the client that acts for them. */
import { signal } from "@preact/signals";
import { TaskFlow, TaskFlowError } from "../../client/taskflow.ts";
import { SERVER_URL } from "../app/base.ts";

export type Scope = "submit" | "read" | "admin";

/** The answer of `whoami`. */
export type Identity = Awaited<ReturnType<TaskFlow["whoami"]>>;

export type Session =
  | { readonly kind: "starting" }
  /** The server asks for an API key. */
  | { readonly kind: "signed-out"; readonly message: string | null }
  /** The server denies this browser, whatever key it has. */
  | { readonly kind: "denied"; readonly message: string }
  | { readonly kind: "signed-in"; readonly identity: Identity };

export const session = signal<Session>({ kind: "starting" });

/** For the tab only, if the user wishes it; else the key is lost with the page. */
const STORED_KEY = "taskflow.key";
const RETRY_MS = 2_000;

let apiKey = storedKey();
let api = clientWith(apiKey);

/** The client of the signed-in user. Failed calls are not repeated by it: the screens repeat their reads anyway. */
export function client(): TaskFlow {
  return api;
}

/** The key of the signed-in user; undefined where the server needs none. */
export function currentKey(): string | undefined {
  return apiKey;
}

/** Whether the user may act with a scope. In the mode `read`, the dashboard offers no actions to anyone. */
export function can(scope: Scope): boolean {
  const now = session.value;
  if (now.kind !== "signed-in") return false;
  if (scope !== "read" && isReadOnly()) return false;
  return now.identity.scopes.includes(scope);
}

/** Whether the server's setting `DASHBOARD` is `read`. */
export function isReadOnly(): boolean {
  return session.value.kind === "signed-in" && session.value.identity.dashboard.mode === "read";
}

/** Asks the server who the user is, until it answers. */
export async function startSession(): Promise<void> {
  for (;;) {
    try {
      session.value = { kind: "signed-in", identity: await api.whoami() };
      return;
    } catch (error) {
      if (!(error instanceof TaskFlowError)) throw error;
      if (error.status === 401) {
        session.value = { kind: "signed-out", message: apiKey === undefined ? null : error.message };
        return;
      }
      if (error.status === 403) {
        session.value = { kind: "denied", message: error.message };
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** @param isKept whether the key survives a reload of this tab */
export async function signIn(key: string, { isKept }: { readonly isKept: boolean }): Promise<void> {
  apiKey = key;
  api = clientWith(key);
  store(isKept ? key : null);
  await startSession();
}

/** Forgets the key. @param message why, for the user */
export function signOut(message: string | null = null): void {
  apiKey = undefined;
  api = clientWith(undefined);
  store(null);
  session.value = { kind: "signed-out", message };
}

function clientWith(key: string | undefined): TaskFlow {
  return new TaskFlow({ url: SERVER_URL, apiKey: key, retries: 0 });
}

function storedKey(): string | undefined {
  try {
    return sessionStorage.getItem(STORED_KEY) ?? undefined;
  } catch {
    return undefined; // the browser denies storage
  }
}

function store(key: string | null): void {
  try {
    if (key === null) sessionStorage.removeItem(STORED_KEY);
    else sessionStorage.setItem(STORED_KEY, key);
  } catch {
    // the browser denies storage: the key is lost with the page
  }
}
