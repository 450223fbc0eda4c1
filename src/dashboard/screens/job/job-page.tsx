import type { JSX } from "preact";
import type { ScreenProps } from "../../app/screens.ts";
import { Page } from "../../parts/page.tsx";

export function JobPage({ item }: ScreenProps): JSX.Element {
  return <Page title={`Job ${item ?? ""}`}>…</Page>;
}
