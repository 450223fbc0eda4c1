/** The timeline of a job, to scale, and in words. */
import type { JSX } from "preact";
import type { Attempt, Job } from "../../../client/taskflow.ts";
import { isFinished } from "../../parts/status.tsx";
import { exactTime, now } from "../../parts/time.tsx";
import type { Piece } from "./timeline.ts";
import { pieceText, scaled, timelineOf } from "./timeline.ts";

const HEIGHT = 26;
/** Longer timelines fold their words. */
const SHOWN = 8;

export function TimelineChart({
  job,
  attempts,
}: {
  readonly job: Job;
  readonly attempts: readonly Attempt[];
}): JSX.Element {
  const pieces = timelineOf(job, attempts, isFinished(job.status) ? 0 : now.value);
  const boxes = scaled(pieces);
  return (
    <div class="timeline">
      <svg width="100%" height={HEIGHT} role="img" aria-label="The timeline of the job, which the list below describes">
        {pieces.map((piece, at) => (
          <rect
            key={at}
            class={`piece ${classOf(piece)}`}
            x={`${(boxes[at]?.x ?? 0) * 100}%`}
            width={`${(boxes[at]?.width ?? 0) * 100}%`}
            y={piece.kind === "ran" ? 0 : HEIGHT / 2 - 4}
            height={piece.kind === "ran" ? HEIGHT : 8}
          >
            <title>{`${pieceText(piece)}, from ${exactTime(piece.from)}`}</title>
          </rect>
        ))}
      </svg>
      {pieces.length > SHOWN ? (
        <details>
          <summary class="muted">{pieces.length} steps</summary>
          <Steps pieces={pieces} />
        </details>
      ) : (
        <Steps pieces={pieces} />
      )}
    </div>
  );
}

function Steps({ pieces }: { readonly pieces: readonly Piece[] }): JSX.Element {
  return (
    <ol class="timeline-steps">
      {pieces.map((piece, at) => (
        <li key={at} title={`from ${exactTime(piece.from)}`}>
          <span class={`piece-key ${classOf(piece)}`} aria-hidden="true" />
          {pieceText(piece)}
        </li>
      ))}
    </ol>
  );
}

function classOf({ kind, outcome }: Piece): string {
  return kind === "ran" ? `ran-${outcome ?? "running"}` : kind;
}
