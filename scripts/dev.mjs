// Runs the program from src/: when a file changes, it builds and restarts the program. After a failed build the old
// program continues. (`node --watch dist/main.js` does not watch .lua and .sql files and the modules of pool threads;
// `--watch-path` does not work on Linux in Node.js 20.) Usage: npm run dev (the environment has the settings, as for
// npm start)
import { spawn, spawnSync } from "node:child_process";
import { watch } from "node:fs";
import { fileURLToPath } from "node:url";
import { isLeftOut } from "./build-stamp.mjs";
import { MALLOC_MMAP_THRESHOLD, NODE_OPTIONS, UV_THREADPOOL_SIZE } from "./node-options.mjs";

/** An editor that saves several files writes all of them within this time. */
const SETTLED_MS = 100;

const root = fileURLToPath(new URL("..", import.meta.url));
let program;
let isStopping = false;

const print = (line) => process.stderr.write(`dev: ${line}\n`);

function isBuilt() {
  return spawnSync(process.execPath, ["scripts/build.mjs"], { cwd: root, stdio: "inherit" }).status === 0;
}

function start() {
  const child = spawn(process.execPath, [...NODE_OPTIONS, "dist/main.js", ...process.argv.slice(2)], {
    cwd: root,
    stdio: "inherit",
    env: { UV_THREADPOOL_SIZE, MALLOC_MMAP_THRESHOLD_: MALLOC_MMAP_THRESHOLD, ...process.env },
  });
  const ended = new Promise((resolve) => {
    child.once("exit", (code) => {
      if (program?.child === child) {
        program = undefined;
        print(`the program ended with code ${code}; it starts again after the next change`);
      }
      resolve();
    });
  });
  program = { child, ended };
}

/** Stops the program by SIGTERM: it drains, so attempts end or return to the queue. */
async function stop() {
  program?.child.kill("SIGTERM");
  await stopped();
}

function stopped() {
  const running = program;
  program = undefined;
  return running?.ended;
}

async function restart() {
  if (!isBuilt()) return print("the build failed; waiting for the next change");
  await stop();
  if (!isStopping) start();
}

let timer;
let restarting = Promise.resolve();
const watcher = watch(`${root}src`, { recursive: true }, (_, name) => {
  if (name === null || isLeftOut(name)) return;
  clearTimeout(timer);
  timer = setTimeout(() => (restarting = restarting.then(restart)), SETTLED_MS);
});

function end(stopProgram) {
  isStopping = true;
  watcher.close();
  clearTimeout(timer);
  restarting = restarting.then(stopProgram);
}
process.once("SIGTERM", () => end(stop));
// Ctrl-C reaches the program too, and a second signal would abort its drain
process.once("SIGINT", () => end(stopped));

restarting = restart();
