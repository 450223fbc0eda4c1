/** Jobs of type image_resize in a test, and pictures to give them. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import { Compile } from "typebox/compile";
import { expect } from "vitest";
import { DEFAULT_MAX_PIXELS } from "../jobs/image-resize/decoding.ts";
import imageResize from "../jobs/image-resize/image-resize.ts";
import { resizeImage } from "../jobs/image-resize/resize.ts";
import { openTestImageResource } from "./image-resource.ts";

export type Payload = Parameters<typeof imageResize.run>[0];
export interface Output {
  readonly artifact: string;
  readonly format: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
}

export const JOB_ID = "01890a5d-ac96-7000-babc-b302099a8057";
export const SOURCE_ID = "01890a5d-ac96-7000-bdef-b302099a8058";
export const SETTINGS = {
  ARTIFACTS_DIR: "",
  OUTBOUND_ALLOW_PRIVATE: true,
  IMAGE_MAX_PIXELS: DEFAULT_MAX_PIXELS,
} as Parameters<NonNullable<typeof imageResize.checkHere>>[1];
export const validator = Compile(imageResize.payload);
export const cleanups: (() => unknown)[] = [];

export async function setup() {
  const root = await mkdtemp(join(tmpdir(), "images-"));
  cleanups.push(() => rm(root, { recursive: true, force: true }));
  const resource = await openTestImageResource({ ARTIFACTS_DIR: root, OUTBOUND_ALLOW_PRIVATE: true });
  cleanups.push(() => resource.outbound.close());
  const progress: number[] = [];
  const results: object[] = [];
  const run = async (payload: Payload): Promise<Output[]> => {
    expect(issuesOf(payload)).toEqual([]);
    const { outputs, ...result } = await resizeImage(
      taskOf(payload),
      resource,
      new AbortController().signal,
      (percent) => progress.push(percent),
    );
    results.push(result);
    return [...outputs];
  };
  const failure = async (source: Payload["source"], variant: Partial<Payload> = { width: 10 }): Promise<unknown> => {
    const thrown: unknown = await run({ source, ...variant }).catch((error: unknown) => error);
    expect(await resource.store.find(JOB_ID, "image-1.jpg")).toBeUndefined();
    return thrown;
  };
  const read = async (name: string): Promise<Buffer> => {
    const stored = await resource.store.open({ jobId: JOB_ID, attempt: 1, name });
    if (stored === undefined) throw new Error(`no ${name}`);
    return buffer(stored.read());
  };
  return { resource, run, failure, read, progress, results };
}

export function taskOf({ source, on_error: onError, variants, ...single }: Payload) {
  return { jobId: JOB_ID, attempt: 1, source, onError, variants: variants ?? [single] };
}

export function issuesOf(payload: unknown): readonly unknown[] {
  return validator.Check(payload)
    ? [
        ...(imageResize.check?.(payload) ?? []),
        ...(imageResize.checkHere?.(payload, SETTINGS, () => JSON.stringify(payload)) ?? []),
      ]
    : ["not valid by the schema"];
}

export const base64 = (bytes: Buffer) => ({ base64: bytes.toString("base64") });

/** The left half red, the right half blue. */
export function twoHalves(width: number, height: number, channels: 3 | 4 = 3) {
  const pixels = Buffer.alloc(width * height * channels, 0);
  for (let i = 0; i < width * height; i++) pixels[i * channels + (i % width < width / 2 ? 0 : 2)] = 255;
  return sharp(pixels, { raw: { width, height, channels } });
}

export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => new Promise((closed) => server.close(closed)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/photo`;
}

/** A PNG whose header claims any size and whose pixels are few. */
export function pngClaiming(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const magic = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([
    magic,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.alloc(1_000))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}
