/** Reads a file of the user as base64. */
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { reportError } from "../toasts.tsx";

export function FileButton({ onRead }: { readonly onRead: (base64: string) => void }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const onChange = (): void => {
    const file = input.current?.files?.[0];
    if (!file) return;
    base64Of(file).then(onRead, reportError);
  };
  return (
    <>
      <input ref={input} type="file" class="off-screen" tabIndex={-1} aria-label="File" onChange={onChange} />
      <button type="button" class="button quiet small" onClick={() => input.current?.click()}>
        Choose a file…
      </button>
    </>
  );
}

function base64Of(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => {
      const url = reader.result as string; // data:TYPE;base64,DATA
      resolve(url.slice(url.indexOf(",") + 1));
    };
    reader.onerror = () => reject(new Error("The file could not be read."));
    reader.readAsDataURL(file);
  });
}
