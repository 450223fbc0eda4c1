/** Facts about the Redis server, and about the installation that its keys belong to. */
import { messageOf, QueueUnavailable } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { CALL_TIMEOUT_MS } from "./queue-options.ts";
import type { ServerInfo } from "./server-info.ts";
import { readInfo } from "./server-info.ts";

/** The process of the Redis server that answered. */
export interface RedisProcess {
  /** Changes with each start and failover; "" if INFO does not contain it. */
  readonly runId: string;
  /** For how long it has run, in whole seconds; NaN if INFO does not contain it. */
  readonly upMs: number;
}

export class Installation {
  readonly #connection: Pick<Connection, "send">;
  readonly #ns: string;

  constructor(connection: Pick<Connection, "send">, ns: string) {
    this.#connection = connection;
    this.#ns = ns;
  }

  /** The value of a setting of the server; undefined if the user may not run CONFIG GET. */
  async setting(name: string): Promise<string | undefined> {
    try {
      const reply = await this.#connection.send("config", ["GET", name], CALL_TIMEOUT_MS);
      return Array.isArray(reply) ? (reply[1] as string | undefined) : undefined;
    } catch {
      return undefined; // hosted servers reject CONFIG, and the caller can do without
    }
  }

  /** The fields of INFO; empty if the user may not run it. */
  async serverInfo(): Promise<ServerInfo> {
    return readInfo(await this.#info());
  }

  async process(): Promise<RedisProcess> {
    const { run_id: runId = "", uptime_in_seconds: upSeconds } = readInfo(await this.#info("server"));
    return { runId, upMs: Number(upSeconds) * 1_000 };
  }

  /** Identifies the server's process, as in {@link RedisProcess}. */
  async runId(): Promise<string> {
    return (await this.process()).runId;
  }

  /** Stores the layout of the keys, unless a newer one is stored. @returns the stored layout */
  async declareLayout(own: string): Promise<string> {
    const key = `${this.#ns}layout`;
    const before = await this.#setOnce(key, own);
    if (!(Number(before) < Number(own))) return before;
    await this.#connection.send("set", [key, own], CALL_TIMEOUT_MS);
    return own;
  }

  /** Stores the installation that the namespace belongs to, unless one is stored. @returns the stored installation */
  declareInstallation(own: string): Promise<string> {
    return this.#setOnce(`${this.#ns}installation`, own);
  }

  /**
   * The generation of the data in this Redis. Data without one (the server is new, or came back empty) gets `fresh`.
   * `runId` is as in {@link runId}.
   */
  async generation(fresh: string): Promise<{ readonly generation: string; readonly runId: string }> {
    const [generation, runId] = await Promise.all([this.#setOnce(`${this.#ns}epoch`, fresh), this.runId()]);
    return { generation, runId };
  }

  /** @returns the value that the key has now */
  async #setOnce(key: string, value: string): Promise<string> {
    const before = await this.#connection.send("set", [key, value, "NX", "GET"], CALL_TIMEOUT_MS);
    return typeof before === "string" ? before : value;
  }

  async #info(...sections: readonly string[]): Promise<string> {
    try {
      return String(await this.#connection.send("info", sections, CALL_TIMEOUT_MS));
    } catch (error) {
      if (error instanceof QueueUnavailable && /^NOPERM/.test(messageOf(error.cause))) return "";
      throw error;
    }
  }
}
