/**
 * Frees memory before V8 would. V8 frees large buffers when it collects garbage, which it delays until 64 MiB of them
 * wait, and an idle thread collects none: together that would exceed the memory of a small container.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { MessagePort } from "node:worker_threads";
import { MessageChannel } from "node:worker_threads";

let closedPort: MessagePort | undefined;
let collect: (() => void) | undefined;

/**
 * Frees the memory of a buffer that is not shared; it must not be used afterwards. A buffer that is sent to a closed
 * port is freed at once.
 */
export function freeBuffer({ buffer }: Uint8Array<ArrayBuffer>): void {
  if (closedPort === undefined) {
    const { port1, port2 } = new MessageChannel();
    port1.close();
    port2.close();
    closedPort = port1;
  }
  closedPort.postMessage(undefined, [buffer]);
}

/** Collects the garbage of this thread; about 20 ms with a heap of 50 MiB. Not for the main thread. */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
}
