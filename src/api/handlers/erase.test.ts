/** `POST /api/v1/jobs/{id}/erase` while a store is away: nothing is half erased, and a repeat erases the job. */
import { expect, it } from "vitest";
import { openArtifactStore } from "../../artifacts/settings.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { startS3Server } from "../../testing/s3-server.ts";
import { ownPostgres } from "../../testing/services.ts";
import { TcpProxy } from "../../testing/tcp-proxy.ts";

type ApiServer = Awaited<ReturnType<typeof startApiServer>>;

/** A job that has completed and is recorded. */
async function recordedJob(api: ApiServer): Promise<string> {
  const { body } = await request(api, "POST", "/api/v1/jobs", { type: "note", payload: { text: "private" } });
  await api.record(await api.finishNext(`{"artifact":"a.txt"}`));
  return String(body.id);
}

it("answers 503 while the artifact store is away, and keeps the job; later it erases both", async () => {
  const s3 = await startS3Server();
  const proxy = await TcpProxy.start(s3.port);
  const ARTIFACTS_URL = s3.url.replace(String(s3.port), String(proxy.port));
  const artifacts = await openArtifactStore({ ARTIFACTS_DIR: "/none", ARTIFACTS_URL });
  const api = await startApiServer({ deps: { artifacts } });
  try {
    const id = await recordedJob(api);
    const key = { jobId: id, attempt: 1, name: "a.txt" };
    await artifacts.write(key, Buffer.from("private"));
    const erase = () => request(api, "POST", `/api/v1/jobs/${id}/erase`);
    proxy.setMode({ kind: "reset" });
    const away = await erase();
    expect(away).toMatchObject({ status: 503, body: { code: "store_unavailable" } });
    expect(away.headers.get("retry-after")).toBe("2");
    expect(away.text).not.toContain(String(proxy.port));
    expect((await request(api, "GET", `/api/v1/jobs/${id}`)).body).toMatchObject({
      payload: { text: "private" },
      erased_at: null,
    });
    proxy.setMode({ kind: "pass" });
    expect(await artifacts.open(key)).toBeDefined();
    expect(await erase()).toMatchObject({ status: 200, body: { payload: null, result: null } });
    expect(await artifacts.open(key)).toBeUndefined();
  } finally {
    await api.close();
    await proxy.close();
    await s3.close();
  }
});

it("answers 503 while Postgres is away", async () => {
  const postgres = await ownPostgres();
  const api = await startApiServer({ database: postgres.address });
  const id = await recordedJob(api);
  await postgres.kill();
  const away = await request(api, "POST", `/api/v1/jobs/${id}/erase`);
  expect(away).toMatchObject({ status: 503, body: { code: "store_unavailable" } });
  expect(away.headers.get("retry-after")).toBe("2");
  await api.close();
});
