/** A server of the API with an empty Redis, whose events a test follows. */
import { Redis } from "ioredis";
import { request, startApiServer } from "./api-server.ts";
import { EventStream } from "./event-stream.ts";
import { ownRedis } from "./services.ts";
import { until } from "./until.ts";

export async function startEventServer() {
  const { port } = await ownRedis();
  const address = `redis://127.0.0.1:${port}`;
  const redis = new Redis(port);
  const server = await startApiServer({ redis: address });
  return {
    address,
    redis,
    server,
    follow: (path: string, headers: Record<string, string> = {}) =>
      EventStream.open(`${server.url}/api/v1/${path}`, headers),
    /** Submits a job of type note. @returns its id */
    submitNote: async (): Promise<string> => {
      const note = { type: "note", payload: { text: "followed" } };
      return String((await request(server, "POST", "/api/v1/jobs", note)).body.id);
    },
    close: async (): Promise<void> => {
      await server.close();
      redis.disconnect();
    },
  };
}

export function seen(stream: EventStream, count: number): Promise<unknown> {
  return until(() => stream.events.length >= count, { what: `${count} events have arrived` });
}
