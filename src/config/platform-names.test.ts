import { describe, expect, it } from "vitest";
import { UsageError } from "../errors.ts";
import { loadConfig } from "./config.ts";

const serverAddr = (env: Record<string, string>) => loadConfig(env, []).SERVER_ADDR;
const redisUrl = (env: Record<string, string>) => loadConfig(env, []).REDIS_ADDR?.url;

describe("the variables of hosting platforms", () => {
  it("PORT and HOST are the two halves of SERVER_ADDR, each with its default", () => {
    expect(serverAddr({ PORT: "3000" })).toEqual({ host: "127.0.0.1", port: 3000 });
    expect(serverAddr({ HOST: "0.0.0.0" })).toEqual({ host: "0.0.0.0", port: 8080 });
    expect(serverAddr({ HOST: "::", PORT: "10000" })).toEqual({ host: "::", port: 10_000 });
    expect(serverAddr({ HOST: "", PORT: "" })).toEqual({ host: "127.0.0.1", port: 8080 });
  });

  it("REDIS_URL is REDIS_ADDR", () => {
    expect(redisUrl({ REDIS_URL: "redis://:pw@cache:6380/1" })).toBe("redis://:pw@cache:6380/1");
  });

  it("do not override the specific settings", () => {
    expect(serverAddr({ SERVER_ADDR: ":9000", PORT: "3000", HOST: "0.0.0.0" })).toEqual({ host: "", port: 9000 });
    expect(serverAddr({ SERVER_ADDR: ":9000", PORT: "none" })).toEqual({ host: "", port: 9000 });
    expect(redisUrl({ REDIS_ADDR: "cache:1", REDIS_URL: "redis://other:2" })).toBe("redis://cache:1");
  });

  it("are named in the errors", () => {
    const env = { REDIS_URL: "http://:hunter2@cache", PORT: "http", HOST: "me:80" };
    const thrown = (() => {
      try {
        loadConfig(env, []);
      } catch (error) {
        return error;
      }
      return undefined;
    })();
    expect(thrown).toBeInstanceOf(UsageError);
    expect((thrown as UsageError).message.split("\n")).toEqual([
      'PORT: expected a number from 0 to 65535, got "http"',
      'HOST: expected a name or an address without a port, got "me:80"',
      expect.stringMatching(/^REDIS_URL: expected host:port, redis:\/\/.*, got a value that is not shown$/),
    ]);
  });
});
