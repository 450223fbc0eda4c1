/** The parts of a queue, joined. */
import type { Job } from "../core/job.ts";
import { Cancellations } from "./cancellation.ts";
import type { RedisClock } from "./clock.ts";
import { Connections } from "./connections.ts";
import { DestinationList } from "./destination-list.ts";
import { RedisDestinations } from "./destinations.ts";
import { Enqueuer } from "./enqueuer.ts";
import { RedisFlows } from "./flows.ts";
import { Installation } from "./installation.ts";
import { JobReader } from "./job-reader.ts";
import { LeasedJobs } from "./leased-jobs.ts";
import { LogChannel } from "./log-channel.ts";
import { PayloadStore } from "./payload-store.ts";
import type { QueueOptions } from "./queue-options.ts";
import { QueueReader } from "./queue-reader.ts";
import { Reach } from "./reach.ts";
import { Reservations } from "./reservation.ts";
import { RedisSchedules } from "./schedules.ts";
import { Subscriber } from "./subscriber.ts";
import { Updates } from "./updates.ts";
import { Watches } from "./watches.ts";

export interface QueueParts {
  /** What all keys begin with. */
  readonly ns: string;
  readonly connections: Connections;
  readonly installation: Installation;
  /** The hosts that attempts send to, shared by all replicas. */
  readonly destinations: RedisDestinations;
  readonly destinationList: DestinationList;
  readonly leased: LeasedJobs;
  readonly cancellations: Cancellations;
  readonly updates: Updates;
  readonly jobs: JobReader;
  readonly reader: QueueReader;
  readonly payloads: PayloadStore;
  readonly enqueuer: Enqueuer;
  /** Submissions with large payloads travel separately, so that no other submission waits for them. */
  readonly largeEnqueuer: Enqueuer;
  readonly reservations: Reservations | undefined;
  readonly logChannel: LogChannel;
  readonly schedules: RedisSchedules;
  readonly flows: RedisFlows;
  readonly subscriber: Subscriber;
  readonly watches: Watches;
}

export function queueParts(options: QueueOptions, clock: RedisClock): QueueParts {
  const { url, replica, leaseMs, onRoundTrip, onError, onWake } = options;
  const ns = `{${options.namespace}}:`;
  const reach = new Reach(options.reach ?? { onLost: onError, onBack: () => undefined });
  const connections = new Connections(url, clock, reach, { onRoundTrip, onReady: onWake });
  const payloads = new PayloadStore(connections.bytes, ns);
  const jobs = new JobReader(connections.reads, ns);
  const read = (ids: readonly string[]): Promise<Job[]> => jobs.read(ids);
  const flows = new RedisFlows({ ns, connections, now: () => clock.now(), onError });
  const onFlowWork = (): void => flows.noteWork();
  return {
    ns,
    connections,
    installation: new Installation(connections.work, ns),
    destinations: new RedisDestinations(connections.work, {
      ns,
      replica,
      leaseMs,
      clock,
      onOpened: options.onDestinationsOpened ?? (() => undefined),
      onError,
    }),
    destinationList: new DestinationList(connections.work, ns),
    leased: new LeasedJobs({ ns, clock, connections, payloads, options, onFlowWork }),
    cancellations: new Cancellations({ ns, clock, connections, payloads, read, onFlowWork }),
    updates: new Updates({ ns, clock, connections, payloads, read, onFlowWork }),
    jobs,
    reader: new QueueReader(connections.reads, ns, flows),
    payloads,
    schedules: new RedisSchedules({
      ns,
      connections,
      onEnqueued: options.runsJobs ? onWake : () => undefined,
      onError,
    }),
    flows,
    ...enqueuersOf(options, { ns, clock, connections, payloads, jobs, onFlowWork }),
    ...subscriptionsOf(options, ns, connections, reach),
  };
}

/** The parts that change jobs as they were read. */
export interface ChangeParts {
  readonly ns: string;
  readonly clock: Pick<RedisClock, "now">;
  readonly connections: Pick<Connections, "work">;
  readonly payloads: Pick<PayloadStore, "putAll" | "putAside">;
  /** The jobs among these ids that Redis has. */
  readonly read: (ids: readonly string[]) => Promise<Job[]>;
  /** A script has left work for flows. */
  readonly onFlowWork: () => void;
}

interface EnqueuingParts {
  readonly ns: string;
  readonly clock: RedisClock;
  readonly connections: Connections;
  readonly payloads: PayloadStore;
  readonly jobs: JobReader;
  readonly onFlowWork: () => void;
}

function enqueuersOf(
  { replica, runner, runsJobs, leaseMs, submitTimeoutMs, onWake }: QueueOptions,
  { ns, clock, connections, payloads, jobs, onFlowWork }: EnqueuingParts,
): Pick<QueueParts, "enqueuer" | "largeEnqueuer" | "reservations"> {
  const reservations =
    runner && runsJobs
      ? new Reservations({ replica, runner, now: () => clock.now(), read: (ids) => jobs.read(ids) })
      : undefined;
  const common = {
    ns,
    replica: runsJobs ? replica : "",
    timeoutMs: submitTimeoutMs,
    leaseMs,
    onEnqueued: runsJobs ? onWake : () => undefined,
    onFlowWork,
    reservations,
  };
  return {
    reservations,
    enqueuer: new Enqueuer(connections.submissions, clock, { ...common, payloads: undefined }),
    largeEnqueuer: new Enqueuer(connections.bytes, clock, { ...common, payloads }),
  };
}

function subscriptionsOf(
  { url, replica, onWake, onCancel, onError }: QueueOptions,
  ns: string,
  connections: Connections,
  reach: Reach,
): Pick<QueueParts, "logChannel" | "subscriber" | "watches"> {
  const connection = reach.of("subscriber");
  const logChannel = new LogChannel(connections.work, ns, replica);
  const subscriber = new Subscriber(url, `${ns}to:${replica}`, {
    onWake,
    onCancel,
    onLog: (message) => logChannel.take(message),
    onError: connection.onError,
    onReady: () => {
      connection.onReady();
      watches.reconnected();
    },
  });
  const watches = new Watches({ ns, connection: connections.work, subscriber, onError });
  return { logChannel, subscriber, watches };
}
