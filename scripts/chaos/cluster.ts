/** The replicas of one scenario, their peers, and the proxies between. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../src/embedded/free-port.ts";
import { HttpPeer } from "../../src/testing/http-peer.ts";
import { SmtpPeer } from "../../src/testing/smtp-peer.ts";
import { TcpProxy } from "../../src/testing/tcp-proxy.ts";
import { makeTempDir } from "../../src/testing/temp-dir.ts";
import { PostgresView } from "./postgres-view.ts";
import { RedisView } from "./redis-view.ts";
import { ReplicaProcess } from "./replica-process.ts";
import type { Services } from "./services.ts";

export interface Slot {
  /** Settings of this replica alone. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it reaches through a proxy. */
  readonly through?: readonly ("redis" | "postgres")[];
  readonly nodeArgs?: readonly string[];
  /** Not started with the others. */
  readonly isLate?: boolean;
}

interface Place {
  readonly slot: Slot;
  readonly port: number;
  readonly redis: TcpProxy | undefined;
  readonly postgres: TcpProxy | undefined;
  replica: ReplicaProcess | undefined;
}

const SUPERVISE_EVERY_MS = 100;

export class Cluster {
  readonly services: Services;
  readonly http: HttpPeer;
  readonly smtp: SmtpPeer;
  readonly redis: RedisView;
  readonly postgres: PostgresView;
  readonly #env: Readonly<Record<string, string>>;
  readonly #dir = makeTempDir();
  readonly #places: Place[] = [];
  #turn = 0;
  #isClosing = false;
  #supervision: Promise<void> | undefined;
  /** Boots that ended without being asked to, while nobody supervised: none may. */
  readonly crashes: string[] = [];

  private constructor(
    services: Services,
    databaseUrl: string,
    peers: readonly [HttpPeer, SmtpPeer],
    env: Readonly<Record<string, string>>,
  ) {
    this.services = services;
    [this.http, this.smtp] = peers;
    this.redis = new RedisView(services.redis.address);
    this.postgres = new PostgresView(databaseUrl);
    this.#env = env;
  }

  static async start(
    services: Services,
    slots: readonly Slot[],
    env: Readonly<Record<string, string>>,
  ): Promise<Cluster> {
    const { databaseUrl } = await services.fresh();
    const cluster = new Cluster(services, databaseUrl, await Promise.all([HttpPeer.start(), SmtpPeer.start()]), env);
    try {
      for (const slot of slots) {
        const proxy = (name: "redis" | "postgres") =>
          slot.through?.includes(name) ? TcpProxy.start(services[name].port) : undefined;
        cluster.#places.push({
          slot,
          port: await freePort(),
          redis: await proxy("redis"),
          postgres: await proxy("postgres"),
          replica: undefined,
        });
      }
      await Promise.all(
        [...cluster.#places.entries()].filter(([, { slot }]) => !slot.isLate).map(([i]) => cluster.boot(i)),
      );
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  /** Starts the replica of a place, anew after it ended; `extraEnv` is for this boot alone. */
  async boot(index: number, extraEnv: Readonly<Record<string, string>> = {}): Promise<ReplicaProcess> {
    const place = this.#place(index);
    this.#noteCrash(place);
    const { slot, port, redis, postgres } = place;
    const { services } = this;
    const env = {
      REDIS_ADDR: redis ? redis.before(services.redis.address) : services.redis.address,
      DATABASE_URL: postgres ? postgres.before(this.postgres.url) : this.postgres.url,
      SMTP_URL: this.smtp.url,
      ARTIFACTS_DIR: join(this.#dir.path, "artifacts"),
      TASKFLOW_JOBS: services.program.jobsDir,
      OUTBOUND_ALLOW_PRIVATE: "true",
      WORKER_COUNT: "1",
      LOG_LEVEL: "info",
      UV_THREADPOOL_SIZE: "8",
      ...this.#env,
      ...slot.env,
      ...extraEnv,
    };
    const logPath = join(this.#dir.path, `replica-${index}.log`);
    place.replica = await ReplicaProcess.start({
      main: services.program.main,
      port,
      env,
      logPath,
      nodeArgs: slot.nodeArgs ?? [],
    });
    return place.replica;
  }

  replica(index: number): ReplicaProcess {
    const { replica } = this.#place(index);
    if (!replica) throw new Error(`replica ${index} was not started`);
    return replica;
  }

  /** The proxy of a place. @throws {Error} when the scenario asked for none */
  proxy(index: number, name: "redis" | "postgres"): TcpProxy {
    const proxy = this.#place(index)[name];
    if (!proxy) throw new Error(`replica ${index} has no proxy before ${name}`);
    return proxy;
  }

  get alive(): ReplicaProcess[] {
    return this.#places.flatMap(({ replica }) => (replica?.isAlive ? [replica] : []));
  }

  /** Where to submit: the replicas in turn, dead ones too, as a client that knows no better would. */
  readonly urlOf = (): string => {
    const started = this.#places.filter(({ replica }) => replica !== undefined);
    this.#turn += 1;
    return started[this.#turn % started.length]?.replica?.url ?? "";
  };

  /** Starts again whatever ends by itself, as systemd or Kubernetes would. */
  supervise(): void {
    this.#supervision ??= (async () => {
      while (!this.#isClosing) {
        for (const [index, { replica }] of this.#places.entries()) {
          if (replica?.endedByItself) await this.boot(index).catch(() => undefined); // it may die while it starts: next round
        }
        await delay(SUPERVISE_EVERY_MS);
      }
    })();
  }

  /** A folder that all replicas see, removed at the end. */
  get dir(): string {
    return this.#dir.path;
  }

  /** The ends of the replicas' logs. */
  logTails(): string {
    return this.#places
      .map(({ replica }, i) => `replica ${i}${replica?.isAlive ? "" : " (dead)"}:\n${replica?.logTail() ?? ""}`)
      .join("\n");
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#supervision;
    for (const place of this.#places) {
      this.#noteCrash(place);
      place.replica?.resume(); // one that is frozen cannot be waited for
      await place.replica?.kill();
      await place.redis?.close();
      await place.postgres?.close();
    }
    await Promise.all([this.http.close(), this.smtp.close()]);
    this.redis.close();
    await this.postgres.close();
    this.#dir.remove();
  }

  #noteCrash({ replica }: Place): void {
    if (replica?.endedByItself && !this.#supervision) this.crashes.push(replica.logTail());
  }

  #place(index: number): Place {
    const place = this.#places[index];
    if (!place) throw new Error(`there is no replica ${index}`);
    return place;
  }
}
