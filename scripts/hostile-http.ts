/**
 * Tries every hostile request of src/testing/hostile-http.ts on a server that runs somewhere: the binaries of the HTTP
 * library differ from one version of Node.js to the next. It enqueues nothing and reads nothing.
 */
import { HOSTILE_CASES } from "../src/testing/hostile-cases.ts";
import { SPLITS, violationsOfServer } from "../src/testing/hostile-http.ts";

const [address] = process.argv.slice(2);
if (address === undefined || !URL.canParse(address)) {
  process.stderr.write("Usage: npx tsx scripts/hostile-http.ts http://HOST:PORT\n");
  process.exit(2);
}
const { hostname, port } = new URL(address);
let faults = 0;
for (const split of SPLITS) {
  for (const fault of await violationsOfServer(split, {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port) || 80,
  })) {
    faults += 1;
    process.stdout.write(`${split}: ${fault}\n`);
  }
}
process.stdout.write(`${HOSTILE_CASES.length * SPLITS.length} hostile requests, ${faults} not as expected\n`);
process.exit(faults === 0 ? 0 : 1);
