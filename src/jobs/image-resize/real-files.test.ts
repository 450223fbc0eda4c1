import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closeImageProcesses, openTestImageResource } from "../../testing/image-resource.ts";
import { imageErrors } from "./error-codes.ts";
import { type ImageResource, type ImageResult, resizeImage } from "./resize.ts";

/** Pictures from installed packages. None of them was made by sharp. */
const FILES = [
  "autocannon/test/j5.jpeg",
  "swagger-ui-dist/favicon-32x32.png",
  "istanbul-reports/lib/html/assets/sort-arrow-sprite.png",
];
const root = await mkdtemp(join(tmpdir(), "real-files-"));
let resource: ImageResource;
let jobs = 0;

beforeAll(async () => {
  resource = await openTestImageResource({ ARTIFACTS_DIR: root, OUTBOUND_ALLOW_PRIVATE: false });
});
afterAll(async () => {
  await closeImageProcesses();
  await resource.outbound.close();
  await rm(root, { recursive: true, force: true });
});

/** Reads by path, because not every package exports its files. */
const read = (file: string): Promise<Buffer> => readFile(new URL(`../../../node_modules/${file}`, import.meta.url));

function resize(bytes: Buffer): Promise<ImageResult> {
  const jobId = `01890a5d-ac96-7000-babc-${String((jobs += 1)).padStart(12, "0")}`;
  return resizeImage(
    {
      jobId,
      attempt: 1,
      source: { base64: bytes.toString("base64") },
      variants: [{ width: 16 }, { width: 8, height: 8, format: "webp" }],
    },
    resource,
    new AbortController().signal,
    () => undefined,
  );
}

describe.each(FILES)("%s", (file) => {
  it("is read", async () => {
    expect(await resize(await read(file))).toMatchObject({
      outputs: [{ width: 16 }, { format: "webp", width: 8, height: 8 }],
    });
  });

  it("is decoded in part or rejected with a code if it is truncated or a byte is changed, and crashes no process", async () => {
    const whole = await read(file);
    const ways = [0.02, 0.1, 0.3, 0.5, 0.8, 0.95].flatMap((share) => {
      const at = Math.floor(whole.length * share);
      return [
        whole.subarray(0, Math.max(at, 3)),
        Buffer.concat([whole.subarray(0, at), Buffer.from([(whole[at] ?? 0) ^ 0xff]), whole.subarray(at + 1)]),
      ];
    });
    for (const bytes of ways) {
      const answer: unknown = await resize(bytes).catch((error: unknown) => error);
      if (!(answer instanceof Error)) continue;
      expect(answer).toMatchObject({
        name: "PermanentError",
        code: expect.stringMatching(/^image_(unsupported|invalid|too_large)$/) as string,
      });
      expect(Object.keys(imageErrors)).toContain((answer as Error & { code: string }).code);
    }
    await expect(resize(whole.subarray(0, whole.length >> 1))).rejects.toMatchObject({ code: "image_invalid" });
  });
});
