/** The SharedWorker of the dashboard: all tabs of a browser use its one event stream. */
import { LiveHub } from "./data/live-hub.ts";
import type { Follow } from "./data/live-messages.ts";

const hub = new LiveHub();

self.addEventListener("connect", (event) => {
  const [port] = (event as MessageEvent).ports;
  if (!port) return;
  port.onmessage = ({ data }: MessageEvent<Follow>) => hub.follow(port, data, (jobEvent) => port.postMessage(jobEvent));
});
