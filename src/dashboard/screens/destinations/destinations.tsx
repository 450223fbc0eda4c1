import type { JSX } from "preact";
import { Page } from "../../parts/page.tsx";

export function Destinations(): JSX.Element {
  return <Page title="Destinations">…</Page>;
}
