/**
 * Looks names up without libuv's threads. The system's look-up (getaddrinfo) occupies one of them for as long as a name
 * server hangs, and cannot be stopped: a few such names would delay files, compression and all other look-ups. So this
 * module reads the hosts file, and queries the DNS through c-ares with the search domains of the system. If the system
 * has other sources of names (nsswitch.conf; any system but Linux), its look-up is used for names that the DNS does not
 * know, two at a time.
 */
import {
  BADNAME,
  type LookupAddress,
  NODATA,
  NONAME,
  NOTFOUND,
  REFUSED,
  SERVFAIL,
  lookup as systemLookup,
  TIMEOUT,
} from "node:dns";
import { Resolver } from "node:dns/promises";
import { hostname } from "node:os";
import { promisify } from "node:util";
import { codeOf } from "../errors.ts";
import { candidatesOf, parseHosts, parseOtherSources, parseSearch } from "./system-names.ts";
import { WatchedFile } from "./watched-file.ts";

const lookupAll = promisify<string, { all: true }, LookupAddress[]>(systemLookup);

/** The time limit of a server, and the number of tries: a packet may get lost. Each further try waits twice as long. */
const SERVER_TIMEOUT_MS = 1_500;
const SERVER_TRIES = 3;
/** How long to wait for the addresses of the other family (RFC 8305 proposes 50 ms; loaded servers need more). */
const OTHER_FAMILY_MS = 250;
const MAX_SYSTEM_LOOKUPS = 2;
/** The name does not exist, or the server does not serve it: the next search domain may have it. */
const GO_ON: ReadonlySet<string> = new Set([NOTFOUND, NODATA, SERVFAIL, REFUSED, NONAME, BADNAME]);
/** RFC 6761, 6.3. */
const LOOPBACK: readonly LookupAddress[] = [
  { address: "127.0.0.1", family: 4 },
  { address: "::1", family: 6 },
];

export interface NameLookupOptions {
  /** Name servers (`ADDRESS:PORT`) instead of the system's. */
  readonly servers?: readonly string[];
  readonly hostsFile?: string;
  readonly resolvFile?: string;
  readonly switchFile?: string;
}

export class NameLookup {
  readonly #servers: readonly string[] | undefined;
  readonly #hosts: WatchedFile<ReturnType<typeof parseHosts>>;
  readonly #resolver: WatchedFile<{ readonly resolver: Resolver; readonly rules: ReturnType<typeof parseSearch> }>;
  readonly #hasOtherSources: WatchedFile<boolean>;
  #last: Resolver | undefined;
  #systemLookups = 0;

  constructor({
    servers,
    hostsFile = "/etc/hosts",
    resolvFile = "/etc/resolv.conf",
    switchFile = "/etc/nsswitch.conf",
  }: NameLookupOptions = {}) {
    this.#servers = servers;
    this.#hosts = new WatchedFile(hostsFile, parseHosts);
    this.#resolver = new WatchedFile(resolvFile, (text) => ({
      resolver: this.#openResolver(),
      rules: parseSearch(text, hostname()),
    }));
    this.#hasOtherSources = new WatchedFile(
      switchFile,
      (text) => process.platform !== "linux" || parseOtherSources(text),
    );
  }

  /**
   * All addresses of a name, IPv4 first.
   * @throws an error with a code of node:dns: `ENOTFOUND` for a name that does not exist, `ETIMEOUT` if no server
   * answered
   */
  async addressesOf(name: string): Promise<readonly LookupAddress[]> {
    const bare = name.toLowerCase().replace(/\.$/, "");
    const inFile = (await this.#hosts.read()).get(bare);
    if (inFile !== undefined) return inFile;
    if (bare === "localhost" || bare.endsWith(".localhost")) return LOOPBACK;
    try {
      return await this.#ask(name);
    } catch (error) {
      if (
        codeOf(error) === TIMEOUT ||
        this.#systemLookups >= MAX_SYSTEM_LOOKUPS ||
        !(await this.#hasOtherSources.read())
      )
        throw error;
      this.#systemLookups += 1;
      try {
        return await lookupAll(name, { all: true });
      } finally {
        this.#systemLookups -= 1;
      }
    }
  }

  /** Cancels the look-ups in progress. */
  close(): void {
    this.#last?.cancel();
  }

  #openResolver(): Resolver {
    const resolver = new Resolver({ timeout: SERVER_TIMEOUT_MS, tries: SERVER_TRIES });
    if (this.#servers) resolver.setServers(this.#servers);
    this.#last = resolver;
    return resolver;
  }

  /** Queries a name in the search domains, as resolver(3) does. */
  async #ask(name: string): Promise<readonly LookupAddress[]> {
    const { resolver, rules } = await this.#resolver.read();
    let failure: Error | undefined;
    for (const candidate of candidatesOf(name, rules)) {
      try {
        return await bothFamilies(resolver, candidate);
      } catch (error) {
        if (!GO_ON.has(codeOf(error) ?? "")) throw error;
        if (failure === undefined || codeOf(error) !== NOTFOUND) failure = error as Error;
      }
    }
    throw failure ?? Object.assign(new Error(`${name} is not found`), { code: NOTFOUND });
  }
}

/** The addresses of both families, or of one family if the other is much slower or fails. */
async function bothFamilies(resolver: Resolver, name: string): Promise<readonly LookupAddress[]> {
  const questions = [
    resolver.resolve4(name).then((found) => found.map((address) => ({ address, family: 4 }))),
    resolver.resolve6(name).then((found) => found.map((address) => ({ address, family: 6 }))),
  ] as const;
  await Promise.any(questions).catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly LookupAddress[]>((resolve) => {
    timer = setTimeout(resolve, OTHER_FAMILY_MS, []);
  });
  const answers = await Promise.allSettled(questions.map((question) => Promise.race([question, late])));
  clearTimeout(timer);
  const found = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
  if (found.length > 0) return found;
  const errors = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason as Error] : []));
  throw errors.find((error) => !GO_ON.has(codeOf(error) ?? "")) ?? notFound(name, errors);
}

/** The error for a name without an address of either family, which is the same as for a name that does not exist. */
function notFound(name: string, errors: readonly Error[]): Error {
  const [error] = errors.filter((one) => codeOf(one) !== NODATA);
  return error ?? Object.assign(new Error(`${name} has no address`), { code: NOTFOUND });
}
