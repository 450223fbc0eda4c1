/** The replicas of one scenario, their peers, and the proxies between them. */
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
  /** The services that the replica reaches through a proxy. */
  readonly through?: readonly ("redis" | "postgres")[];
  readonly nodeArgs?: readonly string[];
  /** Not started with the others. */
  readonly isLate?: boolean;
}

interface Member {
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
  readonly #members: Member[] = [];
  #turn = 0;
  #isClosing = false;
  #supervision: Promise<void> | undefined;
  /** The last log lines of processes that ended unexpectedly. There must be none. */
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
        cluster.#members.push({
          slot,
          port: await freePort(),
          redis: await proxy("redis"),
          postgres: await proxy("postgres"),
          replica: undefined,
        });
      }
      await Promise.all(
        [...cluster.#members.entries()].filter(([, { slot }]) => !slot.isLate).map(([i]) => cluster.boot(i)),
      );
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  /** Starts a replica, again if it has ended; `extraEnv` applies to this start only. */
  async boot(index: number, extraEnv: Readonly<Record<string, string>> = {}): Promise<ReplicaProcess> {
    const member = this.#member(index);
    this.#noteCrash(member);
    const { slot, port, redis, postgres } = member;
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
    member.replica = await ReplicaProcess.start({
      main: services.program.main,
      port,
      env,
      logPath,
      nodeArgs: slot.nodeArgs ?? [],
    });
    return member.replica;
  }

  replica(index: number): ReplicaProcess {
    const { replica } = this.#member(index);
    if (!replica) throw new Error(`replica ${index} was not started`);
    return replica;
  }

  /** The proxy of a replica. @throws {Error} when the scenario asked for none */
  proxy(index: number, name: "redis" | "postgres"): TcpProxy {
    const proxy = this.#member(index)[name];
    if (!proxy) throw new Error(`replica ${index} has no proxy before ${name}`);
    return proxy;
  }

  get alive(): ReplicaProcess[] {
    return this.#members.flatMap(({ replica }) => (replica?.isAlive ? [replica] : []));
  }

  /**
   * The URL for the next submission: all replicas in turn, including dead ones, like a client without health checks.
   */
  readonly urlOf = (): string => {
    const started = this.#members.filter(({ replica }) => replica !== undefined);
    this.#turn += 1;
    return started[this.#turn % started.length]?.replica?.url ?? "";
  };

  /** Restarts a replica that ends by itself, as systemd or Kubernetes would. */
  supervise(): void {
    this.#supervision ??= (async () => {
      while (!this.#isClosing) {
        for (const [index, { replica }] of this.#members.entries()) {
          // it may die while it starts; the next round restarts it
          if (replica?.endedByItself) await this.boot(index).catch(() => undefined);
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
    return this.#members
      .map(({ replica }, i) => `replica ${i}${replica?.isAlive ? "" : " (dead)"}:\n${replica?.logTail() ?? ""}`)
      .join("\n");
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#supervision;
    for (const member of this.#members) {
      this.#noteCrash(member);
      member.replica?.resume(); // a frozen process would never end
      await member.replica?.kill();
      await member.redis?.close();
      await member.postgres?.close();
    }
    await Promise.all([this.http.close(), this.smtp.close()]);
    this.redis.close();
    await this.postgres.close();
    this.#dir.remove();
  }

  #noteCrash({ replica }: Member): void {
    if (replica?.endedByItself && !this.#supervision) this.crashes.push(replica.logTail());
  }

  #member(index: number): Member {
    const member = this.#members[index];
    if (!member) throw new Error(`there is no replica ${index}`);
    return member;
  }
}
