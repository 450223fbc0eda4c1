/** Downloads a file: by a link, or with the key of the user, which links cannot send. */
import type { JSX } from "preact";
import { currentKey } from "../data/session.ts";
import { Button } from "./button.tsx";

interface DownloadProps {
  /** Of the file. */
  readonly name: string;
  /** Where the browser finds the file, if the user has no key. */
  readonly url: string;
  /** A URL that needs no key; undefined where there is none. */
  readonly signedUrl?: string | undefined;
  /** Reads the file with the key of the user. */
  readonly load: () => Promise<Response>;
}

/** Without a key, and by a signed URL, the browser itself writes the file to the disk. */
export function Download({ name, url, signedUrl, load }: DownloadProps): JSX.Element {
  const label = `Download ${name}`;
  if (currentKey() === undefined || signedUrl !== undefined)
    return (
      <a class="button" href={signedUrl ?? url} download={name} aria-label={label}>
        Download
      </a>
    );
  const download = async (): Promise<void> => save(await (await load()).blob(), name);
  return (
    <Button onPress={download} label={label}>
      Download
    </Button>
  );
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
