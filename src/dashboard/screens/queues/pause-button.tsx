/** Pauses a queue with a reason, or resumes it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Queue } from "../../../client/taskflow.ts";
import { refreshResources } from "../../data/resource.ts";
import { client } from "../../data/session.ts";
import { Button } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { countOf } from "../../parts/format.ts";
import { ReasonField } from "../../parts/reason-field.tsx";
import { notify } from "../../parts/toasts.tsx";

type PausableQueue = Pick<Queue, "type" | "state" | "depth">;

export function PauseButton({ queue }: { readonly queue: PausableQueue }): JSX.Element {
  const [isAsking, setAsking] = useState(false);
  const { type, state } = queue;
  if (state === "paused")
    return (
      <Button scope="admin" onPress={() => resume(type)} label={`Resume ${type}`}>
        Resume
      </Button>
    );
  return (
    <>
      <Button scope="admin" onPress={() => setAsking(true)} label={`Pause ${type}`}>
        Pause
      </Button>
      {isAsking ? <PauseDialog queue={queue} onClose={() => setAsking(false)} /> : null}
    </>
  );
}

async function resume(type: string): Promise<void> {
  await client().resume(type);
  notify(`The queue ${type} is active again.`);
  refreshResources("queue");
}

function PauseDialog({ queue, onClose }: { readonly queue: PausableQueue; readonly onClose: () => void }): JSX.Element {
  const [reason, setReason] = useState("");
  const { type, depth } = queue;
  const pause = async (): Promise<void> => {
    await client().pause(type, reason.trim() === "" ? {} : { reason: reason.trim() });
    onClose();
    notify(`The queue ${type} is paused.`);
    refreshResources("queue");
  };
  return (
    <Dialog title={`Pause ${type}?`} onClose={onClose}>
      <p>
        No replica starts jobs of this type until you resume it; {countOf(depth, "job waits", "jobs wait")} now. Running
        jobs continue, and new jobs are accepted.
      </p>
      <ReasonField value={reason} onChange={setReason} />
      <div class="actions">
        <Button onPress={onClose}>Keep it active</Button>
        <Button kind="primary" scope="admin" onPress={pause}>
          Pause queue
        </Button>
      </div>
    </Dialog>
  );
}
