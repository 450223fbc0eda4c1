/**
 * Reads a stream of events of its own for one job or flow. It is closed while the page is hidden: browsers open few
 * connections to a server.
 */
import { useEffect, useRef } from "preact/hooks";

const RETRY_MS = 2_000;

/**
 * Reads the stream while the component is mounted, until the server ends it.
 * @param id undefined for none: the job or flow cannot change any more, or is not known yet
 */
export function useStream<Event>(
  id: string | undefined,
  open: (id: string, signal: AbortSignal) => AsyncIterable<Event>,
  onEvent: (event: Event) => void,
): void {
  const latest = useRef(onEvent);
  latest.current = onEvent;
  useEffect(() => {
    if (id === undefined) return undefined;
    let abort: AbortController | undefined;
    const follow = async (signal: AbortSignal): Promise<void> => {
      for (;;) {
        try {
          for await (const event of open(id, signal)) latest.current(event);
          return;
        } catch {
          signal.throwIfAborted(); // else the server does not answer, or serves as many streams as it can
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        }
      }
    };
    const onVisibility = (): void => {
      abort?.abort();
      abort = undefined;
      if (document.hidden) return;
      abort = new AbortController();
      follow(abort.signal).catch(() => undefined); // it ends by its signal only
    };
    document.addEventListener("visibilitychange", onVisibility);
    onVisibility();
    return () => {
      document.removeEventListener("visibilitychange", onVisibility);
      abort?.abort();
    };
  }, [id]);
}
