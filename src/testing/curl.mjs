// Replaces curl on machines without it, with the options that the README's commands use (-s, -X, -H, -d).
import { parseArgs } from "node:util";

const options = {
  s: { type: "boolean", short: "s" },
  X: { type: "string", short: "X" },
  H: { type: "string", short: "H", multiple: true },
  d: { type: "string", short: "d" },
};
const { values, positionals } = parseArgs({ allowPositionals: true, options });
const { X, H = [], d } = values;
const headers = H.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
const answer = await fetch(`http://${positionals[0]}`, {
  method: X ?? (d === undefined ? "GET" : "POST"),
  headers,
  body: d,
});
process.stdout.write(await answer.text());
