/**
 * What an image process runs: it renders one image after the other, as its thread asks. Ending a thread does not end
 * what libvips does on its behalf; ending a process does. Nor does a fault in a decoder of untrusted bytes reach the
 * replica, no secret of the replica's is here, and where the machine allows, neither are its user and a network
 * (execute/confinement.ts).
 */
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { codeOf, messageOf } from "../../errors.ts";
import type { ReadOptions } from "./decoding.ts";
import { framesOf, type MessageFrame, sendFrame } from "./frame-protocol.ts";
import { type Image, openImage, prepareSharp } from "./image.ts";
import { type RenderedVariant, renderVariants } from "./render.ts";
import type { Variant } from "./variant.ts";

/** Its parts are the source and the watermarks, in this order. */
export interface RenderRequest {
  readonly variants: readonly Variant[];
  /** The references of the watermarks. */
  readonly watermarks: readonly string[];
  readonly options: ReadOptions;
}

/** For each variant one, whose part is the encoded image; or one that tells of a failure, and ends it. */
export type RenderAnswer =
  | { readonly kind: "rendered"; readonly rendered: Omit<RenderedVariant, "bytes"> }
  | { readonly kind: "failed"; readonly name: string; readonly code: string; readonly message: string };

async function* answer({ head, parts }: MessageFrame<RenderRequest>): AsyncGenerator<MessageFrame<RenderAnswer>> {
  try {
    const [source = Buffer.alloc(0), ...marks] = parts;
    const image = await openImage(source, head.options);
    const watermarks = new Map<string, Image>();
    for (const [i, reference] of head.watermarks.entries())
      watermarks.set(reference, await openImage(marks[i] ?? source, { ...head.options, onError: "fail" }));
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

// A service manager means the replica, which drains, and then ends this.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
// The first that the kernel ends when memory is short: the replica outlives it. Other systems have no such file.
await writeFile("/proc/self/oom_score_adj", "500").catch(() => undefined);
prepareSharp();
const socket = connect(process.argv[2] ?? "");
// The thread is gone, or does not need this any more. An exit would wait for what libvips does; this does not.
const end = (): void => void process.kill(process.pid, "SIGKILL");
socket
  .once("error", (error) => {
    // whoever started this may not have known that it may not: nothing has come in yet
    if (codeOf(error) === "EACCES") process.exit(1);
    end();
  })
  .once("end", end)
  .once("close", end);
socket.once("connect", () => process.stdout.write("ready\n"));
for await (const request of framesOf<RenderRequest>(socket)) {
  for await (const each of answer(request)) await sendFrame(socket, each);
}
