// Builds changed sources and prints the command that runs the program, for `npm start`. The shell replaces itself with
// the command, so the program gets npm's signals and drains. Variables that are already set keep their value.
import { MALLOC_MMAP_THRESHOLD, NODE_OPTIONS, UV_THREADPOOL_SIZE } from "./node-options.mjs";
import "./build.mjs";

const defaults = { UV_THREADPOOL_SIZE, MALLOC_MMAP_THRESHOLD_: MALLOC_MMAP_THRESHOLD };
const unset = Object.entries(defaults).filter(([name]) => !process.env[name]);
const words = ["env", ...unset.map(([name, value]) => `${name}=${value}`), "node", ...NODE_OPTIONS, "dist/main.js"];
process.stdout.write(`${words.join(" ")}\n`);
