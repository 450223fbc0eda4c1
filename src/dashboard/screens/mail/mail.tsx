import type { JSX } from "preact";
import { Page } from "../../parts/page.tsx";

export function Mail(): JSX.Element {
  return <Page title="Mail">…</Page>;
}
