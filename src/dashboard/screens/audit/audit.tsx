import type { JSX } from "preact";
import { Page } from "../../parts/page.tsx";

export function Audit(): JSX.Element {
  return <Page title="Audit">…</Page>;
}
