/**
 * The program of an image process: it renders the images that its thread sends, one after the other. Images need a
 * process because ending a thread does not stop libvips. In addition, a crash in a decoder of untrusted bytes does not
 * affect the replica, the process has none of the replica's secrets, and on machines that allow it, it has neither the
 * replica's user nor a network (execute/confinement.ts).
 */
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { codeOf, messageOf } from "../../errors.ts";
import type { ReadOptions } from "./decoding.ts";
import { framesOf, type MessageFrame, sendFrame } from "./frame-protocol.ts";
import { type Image, openImage, prepareSharp } from "./image.ts";
import { type RenderedVariant, renderVariants } from "./render.ts";
import type { Variant } from "./variant.ts";

/** The frame's parts are the source and the watermarks, in this order. */
export interface RenderRequest {
  readonly variants: readonly Variant[];
  /** The references of the watermarks. */
  readonly watermarks: readonly string[];
  readonly options: ReadOptions;
}

/** One answer for each variant, whose part is the encoded image; or a failure, after which no answer follows. */
export type RenderAnswer =
  | { readonly kind: "rendered"; readonly rendered: Omit<RenderedVariant, "bytes"> }
  | { readonly kind: "failed"; readonly name: string; readonly code: string; readonly message: string };

async function* answer({ head, parts }: MessageFrame<RenderRequest>): AsyncGenerator<MessageFrame<RenderAnswer>> {
  try {
    const [source = Buffer.alloc(0), ...images] = parts;
    const image = await openImage(source, head.options);
    const watermarks = new Map<string, Image>();
    for (const [i, reference] of head.watermarks.entries())
      watermarks.set(reference, await openImage(images[i] ?? source, { ...head.options, onError: "fail" }));
    for await (const { bytes, ...rendered } of renderVariants(image, head.variants, watermarks))
      yield { head: { kind: "rendered", rendered }, parts: [bytes] };
  } catch (thrown) {
    yield {
      head: {
        kind: "failed",
        name: thrown instanceof Error ? thrown.name : "",
        code: codeOf(thrown) ?? "error",
        message: messageOf(thrown),
      },
      parts: [],
    };
  }
}

// A service manager sends these signals to the replica, which drains and then ends this process.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
// When memory is short, the kernel should end this process and not the replica. Only Linux has this file.
await writeFile("/proc/self/oom_score_adj", "500").catch(() => undefined);
prepareSharp();
const socket = connect(process.argv[2] ?? "");
// The thread is gone or has cancelled the work. Unlike an exit, SIGKILL does not wait for libvips.
const end = (): void => void process.kill(process.pid, "SIGKILL");
socket
  .once("error", (error) => {
    // This confinement also forbids the socket. No data has arrived yet, so exit: the replica starts a less confined
    // process.
    if (codeOf(error) === "EACCES") process.exit(1);
    end();
  })
  .once("end", end)
  .once("close", end);
socket.once("connect", () => process.stdout.write("ready\n"));
for await (const request of framesOf<RenderRequest>(socket)) {
  for await (const each of answer(request)) await sendFrame(socket, each);
}
