/** A 12-megapixel JPEG to three variants: measures image_resize against sharp alone. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { submitBatches } from "../batches.ts";
import { lastCommitted } from "../committed.ts";
import { compareCompetitors } from "../comparison.ts";
import type { Competitor, Running } from "../competitors/competitor.ts";
import { sharpAlone, taskflow } from "../competitors/competitor.ts";
import type { Bench, Figure } from "../figure.ts";
import { medianOf } from "../median.ts";
import { makePhoto, withComment } from "../photo.ts";

const WIDTHS = [1_600, 800, 200];
const WARM_IMAGES = 4;

export const images: Figure = {
  name: "images",
  title: "12-megapixel JPEG to three variants",
  run: async (bench) => {
    const photo = await makePhoto(4_000, 3_000);
    const file = join(bench.services.dataDir, "photo.jpg");
    writeFileSync(file, photo);
    let served = 0; // each photo differs, because TaskFlow would render identical ones only once
    const server = createServer((_request, response) =>
      response.writeHead(200, { "content-type": "image/jpeg" }).end(withComment(photo, String((served += 1)))),
    ).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/photo.jpg`;
      const threads = String(availableParallelism());
      const count = bench.isQuick ? 12 : 60;
      const own = taskflow(
        bench.program,
        { OUTBOUND_ALLOW_PRIVATE: "true", WORKER_COUNT: threads },
        "TaskFlow, image_resize",
      ); // the source is on loopback
      const alone = sharpAlone(threads, file, WIDTHS);
      const measure = async (running: Running, competitor: Competitor): Promise<{ jobsPerSecond: number }> => {
        const ms =
          competitor === alone ? await renderAlone(running, count) : await renderAsJobs(bench, running, url, count);
        return { jobsPerSecond: (count * 1_000) / ms };
      };
      const { readings, ratiosAgainst } = await compareCompetitors(bench, own, [alone], measure);
      return {
        readings,
        goals: [
          {
            text: "images, against sharp alone with as many threads",
            value: medianOf(ratiosAgainst(alone)),
            limit: { least: 0.9 },
            unit: "",
          },
        ],
        notes: [
          `JPEG of 4,000 × 3,000 pixels and ${Math.round(photo.length / 1_000)} KB to ${WIDTHS.join(", ")} wide; TaskFlow also fetches the source and keeps the files`,
        ],
      };
    } finally {
      server.closeAllConnections();
      server.close();
    }
  },
};

async function renderAlone({ program }: Running, count: number): Promise<number> {
  program.write(`go ${WARM_IMAGES}\n`);
  await program.printed(/^MS \S+\n/m);
  program.write(`go ${count}\n`);
  const [, ms] = await program.printed(/^MS \S+\nMS (\S+)\n/m);
  return Number(ms);
}

async function renderAsJobs({ services }: Bench, { url }: Running, photoUrl: string, count: number): Promise<number> {
  const job = JSON.stringify({
    type: "image_resize",
    payload: { source: { url: photoUrl }, variants: WIDTHS.map((width) => ({ width, format: "jpeg" })) },
  });
  await submitBatches(url, WARM_IMAGES, job);
  await lastCommitted(services, "jobs", WARM_IMAGES);
  const startedAt = performance.now();
  await submitBatches(url, count, job);
  const { at } = await lastCommitted(services, "jobs", WARM_IMAGES + count);
  const completed = await services.countRows("jobs where status = 'completed'");
  if (completed !== WARM_IMAGES + count) throw new Error(`${completed} of ${WARM_IMAGES + count} images were made`);
  return at - startedAt;
}
