import type { JSX } from "preact";
import { Page } from "../../parts/page.tsx";

export function Errors(): JSX.Element {
  return <Page title="Errors">…</Page>;
}
