import type { JSX } from "preact";
import { Page } from "../../parts/page.tsx";

export function Queues(): JSX.Element {
  return <Page title="Queues">…</Page>;
}
