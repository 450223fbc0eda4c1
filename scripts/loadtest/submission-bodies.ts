/** The requests of a load test: one job each, as JSON. */
import type { LoadPeers } from "../../src/core/load-test.ts";
import { loadTests } from "./mix.ts";

/**
 * Returns a function that writes the request of job number `n` of its type. The tags must not need JSON escapes.
 */
export function makeBodies(peers: LoadPeers, tags: readonly string[]): (type: string, n: number) => string {
  const encoded = new WeakMap<object, string>();
  const encode = (payload: object): string => {
    const json = encoded.get(payload) ?? JSON.stringify(payload);
    encoded.set(payload, json);
    return json;
  };
  const suffix = `,"tags":${JSON.stringify(tags)}}`;
  return (type, n) => {
    const payload = loadTests.get(type)?.payload(n, peers) as object;
    return `{"type":"${type}","payload":${encode(payload)}${suffix}`;
  };
}
