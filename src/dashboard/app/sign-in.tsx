import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { signIn } from "../data/session.ts";

/** @param message why the last key was not accepted; null without one */
export function SignIn({ message }: { readonly message: string | null }): JSX.Element {
  const [isBusy, setBusy] = useState(false);
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const key = form.get("key");
    if (typeof key !== "string" || key.trim() === "") return;
    setBusy(true);
    signIn(key.trim(), { isKept: form.has("keep") })
      .finally(() => setBusy(false))
      .catch(() => undefined);
  };
  return (
    <main class="plain">
      <h1>TaskFlow</h1>
      <p>This server has API keys. Sign in with one of them; what you can do here depends on its scopes.</p>
      <form onSubmit={onSubmit} class="sign-in">
        <label>
          API key
          <input
            class="field"
            type="password"
            name="key"
            autocomplete="off"
            required
            autofocus
            aria-describedby="key-error"
          />
        </label>
        <label class="check">
          <input type="checkbox" name="keep" /> Keep it for this tab, until I close it
        </label>
        <p id="key-error" class="error-text" role="alert">
          {message}
        </p>
        <button type="submit" class="button primary" disabled={isBusy}>
          Sign in
        </button>
      </form>
    </main>
  );
}
