import { expect, it } from "vitest";
import { callbackId } from "../../queue/ids.ts";
import { migrate } from "../../results/migrate.ts";
import { RecorderConnection } from "../../results/recorder/connection.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { outcomeWith } from "../../testing/outcomes.ts";
import { freshDatabase } from "../../testing/services.ts";

it("erases the recorded callback of a job with it, and no callback that has not finished", async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  const server = await startApiServer({ database: url });
  const connection = new RecorderConnection(url, 5_000);
  try {
    const ids: string[] = [];
    for (let n = 0; n < 2; n++) {
      const { body } = await request(server, "POST", "/api/v1/jobs", { type: "note", payload: { text: "private" } });
      ids.push(String(body.id));
      await server.record(await server.finishNext("{}"));
    }
    const [one = "", other = ""] = ids;
    const payload = JSON.stringify({ url: "https://example.org", body: { id: one, payload: { text: "private" } } });
    await connection.copy([outcomeWith({ job: { id: callbackId(one), type: "webhook", payload } })]);
    for (const id of ids)
      expect(await request(server, "POST", `/api/v1/jobs/${id}/erase`)).toMatchObject({ status: 200 });
    const read = await request(server, "GET", `/api/v1/jobs/${callbackId(one)}`);
    expect(read.body).toMatchObject({ payload: null, erased_at: expect.any(String) as string });
    expect((await request(server, "GET", `/api/v1/jobs/${callbackId(other)}`)).status).toBe(404);
  } finally {
    connection.cut();
    await server.close();
  }
});
