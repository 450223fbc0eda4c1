/**
 * Follows one job with the lines that it logs. The server sends lines only in the stream of a job, so the stream that
 * the tabs share has none. It is closed while the page is hidden: browsers open few connections to a server.
 */
import { useEffect, useRef } from "preact/hooks";
import type { JobEvent } from "../../client/taskflow.ts";
import { client } from "./session.ts";

const RETRY_MS = 2_000;

/** @param id undefined for none: the job cannot change any more, or is not known yet */
export function useJobStream(id: string | undefined, onEvent: (event: JobEvent) => void): void {
  const latest = useRef(onEvent);
  latest.current = onEvent;
  useEffect(() => {
    if (id === undefined) return undefined;
    let abort: AbortController | undefined;
    const onVisibility = (): void => {
      abort?.abort();
      abort = undefined;
      if (document.hidden) return;
      abort = new AbortController();
      follow(id, abort.signal, (event) => latest.current(event)).catch(() => undefined); // it ends by its signal only
    };
    document.addEventListener("visibilitychange", onVisibility);
    onVisibility();
    return () => {
      document.removeEventListener("visibilitychange", onVisibility);
      abort?.abort();
    };
  }, [id]);
}

/** @throws the reason of the signal */
async function follow(id: string, signal: AbortSignal, onEvent: (event: JobEvent) => void): Promise<void> {
  for (;;) {
    try {
      for await (const event of client().events({ id, signal })) onEvent(event);
      return; // the job has ended
    } catch {
      signal.throwIfAborted(); // else the server does not answer, or serves as many streams as it can
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
