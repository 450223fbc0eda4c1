/** Short messages in a corner, read out by screen readers. */
import { signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { TaskFlowError } from "../../client/taskflow.ts";
import { signOut } from "../data/session.ts";

interface Toast {
  readonly id: number;
  readonly kind: "done" | "error";
  readonly content: ComponentChildren;
}

/** Errors stay until they are closed. */
const SHOWN_MS = 6_000;

const toasts = signal<readonly Toast[]>([]);
let lastId = 0;

export function notify(content: ComponentChildren): void {
  const { id } = add("done", content);
  setTimeout(() => close(id), SHOWN_MS);
}

/** Shows the code and the request id of an API error, which the server's log names, too. */
export function reportError(error: unknown): void {
  if (error instanceof TaskFlowError && error.status === 401) signOut(error.message);
  add("error", <ErrorText error={error} />);
}

export function ErrorText({ error }: { readonly error: unknown }): JSX.Element {
  if (!(error instanceof TaskFlowError)) return <span>{error instanceof Error ? error.message : String(error)}</span>;
  return (
    <span>
      {error.message} <code>{error.code}</code>
      {error.requestId === undefined ? null : (
        <>
          {" "}
          <span class="muted">request</span> <code>{error.requestId}</code>
        </>
      )}
      {error.errors.length > 0 ? (
        <ul>
          {error.errors.map(({ path, message }) => (
            <li key={path + message}>
              <code>{path}</code> {message}
            </li>
          ))}
        </ul>
      ) : null}
    </span>
  );
}

function add(kind: Toast["kind"], content: ComponentChildren): Toast {
  lastId += 1;
  const toast = { id: lastId, kind, content };
  toasts.value = [...toasts.value.slice(-3), toast];
  return toast;
}

function close(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, kind, content }) => (
        <div key={id} class={`toast ${kind}`}>
          <div class="toast-text">{content}</div>
          <button type="button" class="button quiet" aria-label="Close this message" onClick={() => close(id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
