/** A name server on UDP, for names that exist, names that do not, and questions without an answer. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";

/** The IPv4 addresses of a name: empty if it does not exist; undefined for no answer. */
export type Zone = (name: string) => readonly string[] | undefined;

const NXDOMAIN = 3;

export class DnsPeer {
  /** The name of each question, in order. */
  readonly asked: string[] = [];
  readonly #socket: Socket = createSocket("udp4");
  #zone: Zone = () => [];

  private constructor() {
    this.#socket.on("message", (query, from) => this.#answer(query, from));
  }

  static async start(): Promise<DnsPeer> {
    const peer = new DnsPeer();
    peer.#socket.bind(0, "127.0.0.1");
    await once(peer.#socket, "listening");
    return peer;
  }

  /** `127.0.0.1:PORT` */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  serve(zone: Zone): void {
    this.#zone = zone;
  }

  async close(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, "close");
  }

  #answer(query: Buffer, { port, address }: RemoteInfo): void {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
    const question = query.subarray(12, at + 5);
    const name = labels.join(".").toLowerCase();
    this.asked.push(name);
    const found = this.#zone(name);
    if (found === undefined) return;
    const records = query.readUInt16BE(at + 1) === 1 ? found : []; // type A
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | (found.length === 0 ? NXDOMAIN : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    // A pointer to the name in the question, type A, class IN, 60 s, four bytes
    const answers = records.map((ip) =>
      Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...ip.split(".").map(Number)]),
    );
    this.#socket.send(Buffer.concat([header, question, ...answers]), port, address);
  }
}
