import type { JSX } from "preact";
import type { ScreenProps } from "../../app/screens.ts";
import { Page } from "../../parts/page.tsx";

export function NewJob({ item }: ScreenProps): JSX.Element {
  return <Page title={`New job ${item ?? ""}`}>…</Page>;
}
