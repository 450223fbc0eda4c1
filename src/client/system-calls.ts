/** The calls that read and control the whole system. */
import type { CallOptions } from "./call-options.ts";
import type {
  AuditEntry,
  Destination,
  ErrorGroups,
  Health,
  Mail,
  MailSummary,
  Queue,
  QueueDetail,
  QueueHistory,
  Series,
  Stats,
  TypeDescription,
  Whoami,
  Worker,
} from "./contract.ts";
import type { AuditOptions, RangeOptions, SeriesOptions } from "./history.ts";
import { auditOf } from "./history.ts";
import type { Transport } from "./transport.ts";
import { queryOf, wireOf } from "./wire.ts";

export interface PauseOptions extends CallOptions {
  /** Why, for others: `queues` and the audit log show it. */
  readonly reason?: string | undefined;
}

/** The half of the client without jobs: one class of all its calls would be too long to read. */
export class SystemCalls {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** @returns the queue of each job type: whether it is paused, and its counts */
  async queues(options: CallOptions = {}): Promise<Queue[]> {
    return (await this.#read<{ queues: Queue[] }>("/api/v1/queues", options)).queues;
  }

  /**
   * @returns the queue of a type: its waiting jobs by priority and group, its next due jobs, and the replicas that run it
   * @throws TaskFlowError `queue_not_found` (404)
   */
  queue(type: string, options: CallOptions = {}): Promise<QueueDetail> {
    return this.#read(`/api/v1/queues/${encodeURIComponent(type)}`, options);
  }

  /**
   * @returns the depth of a queue over time, of the last 24 hours by default: minutes, or the maximum of longer steps
   * @throws TaskFlowError `queue_not_found` (404)
   */
  queueHistory(type: string, { signal, ...range }: Omit<RangeOptions, "type"> = {}): Promise<QueueHistory> {
    return this.#read(`/api/v1/queues/${encodeURIComponent(type)}/history${queryOf(wireOf(range))}`, { signal });
  }

  /**
   * Stops claiming jobs of a type, on all replicas. Submissions are accepted, running jobs continue.
   * @returns its queue
   */
  pause(type: string, { reason, signal }: PauseOptions = {}): Promise<Queue> {
    return this.#transport.json({
      method: "POST",
      path: `/api/v1/queues/${encodeURIComponent(type)}/pause`,
      ...(reason !== undefined && { body: JSON.stringify({ reason }) }),
      signal,
      isRepeatable: true,
    });
  }

  /** Ends a {@link pause}. @returns the queue of the type */
  resume(type: string, { signal }: CallOptions = {}): Promise<Queue> {
    return this.#transport.json({
      method: "POST",
      path: `/api/v1/queues/${encodeURIComponent(type)}/resume`,
      signal,
      isRepeatable: true,
    });
  }

  /** @returns counts of jobs by type and status, rates per minute, and latencies in milliseconds */
  stats(options: CallOptions = {}): Promise<Stats> {
    return this.#read("/api/v1/stats", options);
  }

  /** @returns the live replicas that run jobs, with their slots and threads in use */
  async workers(options: CallOptions = {}): Promise<Worker[]> {
    return (await this.#read<{ workers: Worker[] }>("/api/v1/workers", options)).workers;
  }

  /** @returns the API key or user of this client, what it may do, and the settings of the dashboard */
  whoami(options: CallOptions = {}): Promise<Whoami> {
    return this.#read("/api/v1/whoami", options);
  }

  /**
   * @returns the health of the server and of its services. A `degraded` server resolves too: its answer is not an
   *   error.
   */
  health({ signal }: CallOptions = {}): Promise<Health> {
    return this.#transport.json({ method: "GET", path: "/api/v1/health", signal, isRepeatable: true, alsoTakes: 503 });
  }

  /** @returns counts and latencies per minute, hour or day, zeros included. Default: the last hour by minute */
  series({ signal, ...range }: SeriesOptions = {}): Promise<Series> {
    return this.#read(`/api/v1/stats/series${queryOf(wireOf(range))}`, { signal });
  }

  /** @returns failures grouped by type, code and message, the most frequent first. Default: of the last 24 hours */
  errors({ signal, ...range }: RangeOptions = {}): Promise<ErrorGroups> {
    return this.#read(`/api/v1/errors${queryOf(wireOf(range))}`, { signal });
  }

  /** @returns each job type: its schema, its defaults, and the replicas that run it */
  async types(options: CallOptions = {}): Promise<TypeDescription[]> {
    return (await this.#read<{ types: TypeDescription[] }>("/api/v1/types", options)).types;
  }

  /** @returns the hosts that jobs call, each with its health and its limit */
  async destinations(options: CallOptions = {}): Promise<Destination[]> {
    return (await this.#read<{ destinations: Destination[] }>("/api/v1/destinations", options)).destinations;
  }

  /** Ends the suspension of a host, whose jobs then try it again. @throws TaskFlowError 404 for an unknown host */
  resetDestination(host: string, { signal }: CallOptions = {}): Promise<Destination> {
    const path = `/api/v1/destinations/${encodeURIComponent(host)}/reset`;
    return this.#transport.json({ method: "POST", path, signal, isRepeatable: true });
  }

  /** What people changed, newest first. Pages are fetched as the loop needs them. */
  audit(options: AuditOptions = {}): AsyncGenerator<AuditEntry, void> {
    return auditOf(this.#transport, options);
  }

  /**
   * @returns the messages in the mail catcher of a development machine, newest first
   * @throws TaskFlowError `not_found` (404) where no mail catcher runs
   */
  async mails(options: CallOptions = {}): Promise<MailSummary[]> {
    return (await this.#read<{ mail: MailSummary[] }>("/dev/mail", options)).mail;
  }

  /** @throws TaskFlowError `mail_not_found` (404) for an unknown message; as {@link mails} */
  mail(id: string, options: CallOptions = {}): Promise<Mail> {
    return this.#read(`/dev/mail/${encodeURIComponent(id)}`, options);
  }

  /**
   * The URL of a part of a message, for a link or a frame. A server with API keys serves it only with a key.
   * @param part `html`, `source`, or `attachment-N`, counted from 0
   */
  mailPartUrl(id: string, part: string): string {
    return this.#transport.urlOf(`/dev/mail/${encodeURIComponent(id)}/${encodeURIComponent(part)}`);
  }

  /** @returns the response with a part of a message, as {@link mailPartUrl} names it, its body a stream */
  mailPart(id: string, part: string, { signal }: CallOptions = {}): Promise<Response> {
    const path = `/dev/mail/${encodeURIComponent(id)}/${encodeURIComponent(part)}`;
    return this.#transport.open({ method: "GET", path, signal, isRepeatable: true });
  }

  #read<Answer>(path: string, { signal }: CallOptions): Promise<Answer> {
    return this.#transport.json<Answer>({ method: "GET", path, signal, isRepeatable: true });
  }
}
