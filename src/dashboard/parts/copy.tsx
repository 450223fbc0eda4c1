/** Copies text, also over plain HTTP, where browsers have no `navigator.clipboard`. */
import type { ComponentChildren, JSX } from "preact";
import { Button } from "./button.tsx";
import { notify } from "./toasts.tsx";

export async function copyText(text: string): Promise<void> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "off-screen";
  const focused = document.activeElement;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  // oxlint-disable-next-line typescript/no-deprecated -- all browsers have it, and over plain HTTP nothing else
  const isCopied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  if (!isCopied) throw new Error("The browser did not allow copying.");
}

interface CopyProps {
  readonly text: string | (() => string);
  readonly children: ComponentChildren;
  readonly label?: string;
}

export function CopyButton({ text, children, label }: CopyProps): JSX.Element {
  const onPress = async (): Promise<void> => {
    await copyText(typeof text === "string" ? text : text());
    notify("Copied.");
  };
  return (
    <Button kind="quiet" onPress={onPress} {...(label !== undefined && { label })}>
      {children}
    </Button>
  );
}
