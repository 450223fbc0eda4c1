/**
 * Sends every hostile request of src/testing/hostile-http.ts to a running server, because the binaries of the HTTP
 * library differ between versions of Node.js. It enqueues nothing and reads nothing.
 */
import { HOSTILE_CASES } from "../src/testing/hostile-cases.ts";
import { SPLITS, violationsOfServer } from "../src/testing/hostile-http.ts";

const [address] = process.argv.slice(2);
if (address === undefined || !URL.canParse(address)) {
  process.stderr.write("Usage: npx tsx scripts/hostile-http.ts http://HOST:PORT\n");
  process.exit(2);
}
const { hostname, port } = new URL(address);
let violations = 0;
for (const split of SPLITS) {
  for (const violation of await violationsOfServer(split, {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port) || 80,
  })) {
    violations += 1;
    process.stdout.write(`${split}: ${violation}\n`);
  }
}
process.stdout.write(`${HOSTILE_CASES.length * SPLITS.length} hostile requests, ${violations} not as expected\n`);
process.exit(violations === 0 ? 0 : 1);
