import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { closeImageProcesses, openTestImageResource } from "../../testing/image-resource.ts";
import { type ImageResult, resizeImage } from "./resize.ts";
import type { Variant } from "./variant.ts";

const [FIRST, SECOND, THIRD] = ["57", "58", "59"].map((end) => `01890a5d-ac96-7000-babc-b302099a80${end}`) as [
  string,
  string,
  string,
];
const cleanups: (() => unknown)[] = [];

afterAll(closeImageProcesses);
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setup() {
  const root = await mkdtemp(join(tmpdir(), "reuse-"));
  cleanups.push(() => rm(root, { recursive: true, force: true }));
  const resource = await openTestImageResource({ ARTIFACTS_DIR: root, OUTBOUND_ALLOW_PRIVATE: false });
  cleanups.push(() => resource.outbound.close());
  const source = {
    base64: (
      await sharp({ create: { width: 60, height: 40, channels: 3, background: "teal" } })
        .png()
        .toBuffer()
    ).toString("base64"),
  };
  const run = (
    jobId: string,
    variants: readonly Variant[] = [{ width: 20 }, { width: 10, format: "webp" }],
  ): Promise<ImageResult> =>
    resizeImage({ jobId, attempt: 1, source, variants }, resource, new AbortController().signal, () => undefined);
  return { resource, run };
}

describe("the result for the same source and variants", () => {
  it("is copied from an earlier job, as the later job's own files", async () => {
    const { resource, run } = await setup();
    const first = await run(FIRST);
    // the order of fields does not matter
    const second = await run(SECOND, [{ width: 20 }, { format: "webp", width: 10 }]);
    expect([first.reused, second.reused]).toEqual([false, true]);
    const refs = (id: string, ...names: string[]) => names.map((name) => `${id}/${name}`);
    expect(second.outputs.map((output) => output.artifact_ref)).toEqual(refs(SECOND, "image-1.png", "image-2.webp"));
    expect([first.artifact_ref, second.artifact_ref]).toEqual([`${FIRST}/image-1.png`, `${SECOND}/image-1.png`]);
    const withoutRefs = ({ outputs }: ImageResult) => outputs.map((output) => ({ ...output, artifact_ref: "" }));
    expect(withoutRefs(second)).toEqual(withoutRefs(first));
    expect(await resource.store.open({ jobId: SECOND, attempt: 1, name: "image-2.webp" })).toMatchObject({
      bytes: first.outputs[1]?.bytes,
    });
  });

  it("is rendered again for other variants, and if the earlier files are gone or changed", async () => {
    const { resource, run } = await setup();
    await run(FIRST);
    expect(await run(SECOND, [{ width: 21 }])).toMatchObject({ reused: false });
    const name = "image-1.png";
    const { bytes = 0 } = (await resource.store.open({ jobId: FIRST, attempt: 1, name })) ?? {};
    await resource.store.write({ jobId: FIRST, attempt: 1, name }, Buffer.alloc(bytes));
    expect(await run(SECOND)).toMatchObject({ reused: false });
    expect(await run(THIRD)).toMatchObject({ reused: true }); // from the second
    await resource.store.removeOlderThan(-1_000);
    expect(await run(THIRD)).toMatchObject({ reused: false });
  });
});
