import type { JSX } from "preact";
import { Page } from "../../parts/page.tsx";

export function Replicas(): JSX.Element {
  return <Page title="Replicas">…</Page>;
}
