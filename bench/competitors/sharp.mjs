// sharp alone: the same variants with the same settings as image_resize, on as many threads, without a queue.
// For each line `go N` of its input it renders N images and prints `MS n`.
// Environment: THREADS, IMAGE (a file), WIDTHS (with commas).
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import sharp from "sharp";

const widths = (process.env.WIDTHS ?? "").split(",").map(Number);

if (isMainThread) {
  const workers = Array.from({ length: Number(process.env.THREADS) }, () => new Worker(new URL(import.meta.url)));
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once("message", resolve))));
  console.log("listening");
  for await (const line of createInterface({ input: process.stdin })) {
    let left = Number(line.split(" ")[1]);
    const startedAt = performance.now();
    await Promise.all(
      workers.map(async (worker) => {
        while (left > 0) {
          left -= 1;
          worker.postMessage("render");
          await new Promise((resolve) => worker.once("message", resolve));
        }
      }),
    );
    console.log("MS", performance.now() - startedAt);
  }
  process.exit(0);
}

sharp.concurrency(1);
sharp.cache(false);
const bytes = readFileSync(process.env.IMAGE);
parentPort.on("message", async () => {
  for (const width of widths) {
    const background = { r: 255, g: 255, b: 255, alpha: 1 };
    const image = sharp(bytes, { failOn: "error", limitInputPixels: 50_000_000, pages: 1, autoOrient: true });
    await image
      .resize({ width, fit: "cover", background })
      .flatten({ background })
      .toFormat("jpeg")
      .toBuffer({ resolveWithObject: true });
  }
  parentPort.postMessage("done");
});
parentPort.postMessage("ready");
