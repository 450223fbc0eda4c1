/** The address on which a server listens. */
export interface ServerAddr {
  /** A name or an address, IPv6 without brackets; empty means every interface. */
  readonly host: string;
  /** 0: the operating system chooses a free port. */
  readonly port: number;
}

const HOST_PORT = /^(?:\[([0-9a-f:.]+)\]|([^\s:/[\]@]*)):(\d{1,5})$/i;

/** Parses `host:port`, `[::1]:8080` or `:8080`; undefined for anything else. */
export function parseServerAddr(text: string): ServerAddr | undefined {
  const match = HOST_PORT.exec(text);
  const port = Number(match?.[3]);
  return match === null || port > 65_535 ? undefined : { host: match[1] ?? match[2] ?? "", port };
}
