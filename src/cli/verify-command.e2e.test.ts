import { describe, expect, it } from "vitest";
import { loadConfig } from "../config/config.ts";
import { migrate } from "../results/migrate.ts";
import { call, startReplica, submit } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { verifyCommand } from "./verify-command.ts";

describe("taskflow verify on a busy system", () => {
  it("finds no inconsistency", async () => {
    const [{ address }, { url }] = await Promise.all([freshRedis(), freshDatabase()]);
    await migrate(url);
    const verify = async (pauseMs: number): Promise<{ code: number; text: string }> => {
      const written: string[] = [];
      const config = loadConfig({ REDIS_ADDR: address, DATABASE_URL: url }, []);
      const out = { write: (text: string) => written.push(text) };
      return { code: await verifyCommand({ config, isJson: false, out, pauseMs }), text: written.join("") };
    };
    const start = (role: string) =>
      startReplica({
        redis: address,
        database: url,
        artifacts: tempDir(),
        env: { TASKFLOW_ROLE: role, LOG_LEVEL: "silent", RETRY_BASE_MS: "20", RETRY_MAX_MS: "50" },
      });
    const replicas = await Promise.all([start("all"), start("all")]);
    let isBusy = true;
    let submitted = 0;
    const load = Array.from({ length: 12 }, async (_, n) => {
      for (let i = 0; isBusy; i += 1) {
        const replica = replicas[n % 2] ?? replicas[0];
        const id = await submit(
          replica,
          "test_io",
          [
            { do: "sleep", ms: 5 },
            { do: "fail", times: 1 },
            { do: "return", value: 1 },
          ][i % 3] ?? {},
          i % 5 === 0 ? { delay_ms: 30 } : {},
        );
        if (i % 7 === 0) await call(replica, "DELETE", `/api/v1/jobs/${id}`);
        submitted += 1;
      }
    });
    for (let checks = 0; checks < 8 || submitted < 1_000; checks += 1)
      expect(await verify(20)).toMatchObject({
        code: 0,
        text: expect.stringContaining("No inconsistency found.") as string,
      });
    isBusy = false;
    await Promise.all(load);
    await Promise.all(replicas.map((replica) => replica.close()));
    expect(await verify(1)).toMatchObject({ code: 0 });
  });
});
