/**
 * Measures the memory of a replica while it resizes many images of 24 megapixels, three variants each:
 * `npm run build && npx tsx bench/image-memory.ts [images]` (500 when not given). Linux only.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { submitBatches } from "./batches.ts";
import { taskflow } from "./competitors/competitor.ts";
import { medianOf } from "./median.ts";
import { makePhoto, withComment } from "./photo.ts";
import { startServices } from "./services.ts";

const images = Number(process.argv[2] ?? 500);
const warm = Math.ceil(images / 10);
const MIB = 1_048_576;

/** Resident memory of a process and its descendants, including the image processes. */
function residentBytes(root: number): number {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,rss="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const below = (pid: number): number =>
    rows
      .filter(([own, parent]) => own === pid || parent === pid)
      .reduce((sum, [own = 0, , kib = 0]) => sum + (own === pid ? kib * 1_024 : below(own)), 0);
  return below(root);
}

const photo = await makePhoto(6_000, 4_000);
let served = 0;
const server = createServer((_request, response) => response.end(withComment(photo, String((served += 1))))).listen(
  0,
  "127.0.0.1",
);
await once(server, "listening");
const services = await startServices();
await services.empty();
const program = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const running = await taskflow(program, { OUTBOUND_ALLOW_PRIVATE: "true" }).start(services);
try {
  const source = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
  await submitBatches(
    running.url,
    images,
    JSON.stringify({
      type: "image_resize",
      payload: { source, variants: [{ width: 1_600 }, { width: 800 }, { width: 200 }] },
    }),
  );
  const peaks: number[] = []; // of each tenth of the images; the first tenth is the warm-up
  for (let done = 0; done < images; done = await services.countRows("jobs where status = 'completed'")) {
    const tenth = Math.floor(done / warm);
    peaks[tenth] = Math.max(peaks[tenth] ?? 0, residentBytes(running.program.pid));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const [, ...later] = peaks.map((bytes) => bytes / MIB);
  const middle = medianOf(later);
  process.stdout.write(
    `${images} images of 24 megapixels; peak of each tenth, MiB: ${peaks.map((bytes) => Math.round(bytes / MIB)).join(" ")}\n`,
  );
  process.stdout.write(
    `after the first tenth: ${Math.round(middle)} MiB, ${Math.round((100 * Math.min(...later)) / middle - 100)} to +${Math.round((100 * Math.max(...later)) / middle - 100)} %\n`,
  );
} finally {
  await running.program.stop("killed");
  await services.close();
  server.closeAllConnections();
  server.close();
}
