/** The files of a result: previews and downloads. They are fetched with the user's key, which links cannot send. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { SERVER_URL } from "../../app/base.ts";
import { useResource } from "../../data/resource.ts";
import { client } from "../../data/session.ts";
import { Download } from "../../parts/download.tsx";
import { bytesText } from "../../parts/format.ts";
import { Loaded } from "../../parts/problem.tsx";
import { ErrorText } from "../../parts/toasts.tsx";
import type { Artifact, Beginning } from "./artifacts.ts";
import { csvRows, previewOf } from "./artifacts.ts";

interface ArtifactProps {
  readonly id: string;
  readonly artifact: Artifact;
}

/** Each preview is a request. */
const MAX_PREVIEWS = 12;

export function ArtifactList({
  id,
  artifacts,
}: {
  readonly id: string;
  readonly artifacts: readonly Artifact[];
}): JSX.Element {
  return (
    <ul class="artifacts">
      {artifacts.map((artifact, at) => (
        <li key={artifact.name} class="artifact">
          <div class="artifact-head">
            <span class="artifact-name">{artifact.name}</span>
            <span class="muted nowrap">
              {[artifact.detail, artifact.bytes === undefined ? undefined : bytesText(artifact.bytes)]
                .filter((text) => text !== undefined)
                .join(", ")}
            </span>
            <Download
              name={artifact.name}
              url={urlOf(id, artifact.name)}
              signedUrl={artifact.link}
              load={() => client().artifact(id, artifact.name)}
            />
          </div>
          {at < MAX_PREVIEWS ? <Preview id={id} artifact={artifact} /> : null}
        </li>
      ))}
    </ul>
  );
}

function urlOf(id: string, name: string): string {
  return `${SERVER_URL}/api/v1/jobs/${encodeURIComponent(id)}/artifacts/${encodeURIComponent(name)}`;
}

function Preview({ id, artifact }: ArtifactProps): JSX.Element | null {
  const preview = previewOf(artifact);
  switch (preview.kind) {
    case "image":
      return <ImagePreview id={id} artifact={artifact} type={preview.type} />;
    case "table":
    case "text":
      return <TextPreview id={id} artifact={artifact} isTable={preview.kind === "table"} />;
    case "none":
      return preview.reason === "" ? null : <p class="muted">{preview.reason}</p>;
  }
}

/** Taller images are scaled down. */
const MAX_HEIGHT = 240;

function ImagePreview({
  id,
  artifact: { name, height = MAX_HEIGHT },
  type,
}: ArtifactProps & { readonly type: string }): JSX.Element {
  const [url, setUrl] = useState<string | undefined>(undefined);
  const [error, setError] = useState<unknown>(undefined);
  useEffect(() => {
    const abort = new AbortController();
    let made: string | undefined;
    client()
      .artifact(id, name, { signal: abort.signal })
      .then(async (response) => {
        const bytes = await response.arrayBuffer();
        if (abort.signal.aborted) return;
        made = URL.createObjectURL(new Blob([bytes], { type }));
        setUrl(made);
      })
      .catch((reason: unknown) => {
        if (!abort.signal.aborted) setError(reason);
      });
    return () => {
      abort.abort();
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, [id, name]);
  return (
    <div class="artifact-image" style={{ height: `${Math.min(height, MAX_HEIGHT)}px` }}>
      {url === undefined ? null : <img src={url} alt={`Preview of ${name}`} />}
      {error === undefined ? null : <ErrorText error={error} />}
    </div>
  );
}

const PREVIEW_BYTES = 16 * 1024;
const PREVIEW_ROWS = 12;

async function beginningOf(id: string, { name, bytes }: Artifact, signal: AbortSignal): Promise<Beginning> {
  const range = bytes === 0 ? undefined : { start: 0, end: PREVIEW_BYTES - 1 }; // an empty file has no range
  const response = await client().artifact(id, name, { signal, ...(range && { range }) });
  const total = Number(response.headers.get("Content-Range")?.split("/")[1] ?? 0);
  return { text: await response.text(), isWhole: total <= PREVIEW_BYTES };
}

function TextPreview({ id, artifact, isTable }: ArtifactProps & { readonly isTable: boolean }): JSX.Element {
  const beginning = useResource(`artifact ${id} ${artifact.name}`, (_api, signal) => beginningOf(id, artifact, signal));
  return (
    <div class="artifact-text">
      <Loaded of={beginning}>
        {(loaded) => (isTable ? <CsvTable beginning={loaded} /> : <FirstLines text={loaded.text} />)}
      </Loaded>
    </div>
  );
}

function CsvTable({ beginning }: { readonly beginning: Beginning }): JSX.Element {
  const [head = [], ...rows] = csvRows(beginning, PREVIEW_ROWS);
  return (
    // the table may be wider than the screen, so the keyboard must reach it
    <div class="table-scroll" tabIndex={0} role="region" aria-label="The first rows of the file">
      <table>
        <thead>
          <tr>
            {head.map((cell, at) => (
              <th key={at} scope="col">
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>
              {row.map((cell, column) => (
                <td key={column}>
                  <span class="cut" title={cell}>
                    {cell}
                  </span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function FirstLines({ text }: { readonly text: string }): JSX.Element {
  return (
    <pre class="text" tabIndex={0} role="region" aria-label="The first lines of the file">
      {text.split("\n").slice(0, PREVIEW_ROWS).join("\n")}
    </pre>
  );
}
