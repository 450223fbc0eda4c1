import type { JSX } from "preact";
import { Page } from "../../parts/page.tsx";

export function JobList(): JSX.Element {
  return <Page title="Jobs">…</Page>;
}
