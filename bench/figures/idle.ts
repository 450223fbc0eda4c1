/** Measures the cost of an idle replica. */
import { setTimeout as delay } from "node:timers/promises";
import type { Running } from "../competitors/competitor.ts";
import { taskflow } from "../competitors/competitor.ts";
import type { Bench, Figure } from "../figure.ts";
import { inRounds } from "../figure.ts";
import { medianOf } from "../median.ts";
import type { Services } from "../services.ts";

/**
 * A replica has finished its startup work after this time: first claims, partitions, V8's compilation and garbage
 * collection. After other work, V8 frees memory in its threads as late as half a minute after the last job.
 */
export const SETTLE_MS = 75_000;

export interface IdleCost {
  readonly cpuPercent: number;
  /** Commands per second that the replica sends. */
  readonly commands: number;
  /** Commands per second that its scripts call. */
  readonly inner: number;
}

export const idle: Figure = {
  name: "idle",
  title: "an idle replica",
  run: async (bench) => {
    const own = taskflow(bench.program);
    const costs = (await inRounds(bench, [own], (running) => measureIdle(bench, running))).get(own) ?? [];
    const cpu = costs.map(({ cpuPercent }) => cpuPercent);
    const commands = costs.map((cost) => cost.commands);
    return {
      readings: [
        { name: "TaskFlow, CPU", unit: "% of a core", values: cpu },
        { name: "TaskFlow, Redis commands sent", unit: "/s", values: commands },
        { name: "TaskFlow, Redis commands inside its scripts", unit: "/s", values: costs.map(({ inner }) => inner) },
      ],
      goals: [
        { text: "idle replica, CPU", value: medianOf(cpu), limit: { most: 0.5 }, unit: "% of a core" },
        { text: "idle replica, Redis commands sent", value: medianOf(commands), limit: { most: 5 }, unit: "/s" },
      ],
      notes: [],
    };
  },
};

async function measureIdle({ services, isQuick }: Bench, running: Running): Promise<IdleCost> {
  await delay(SETTLE_MS);
  return idleCost(services, running, isQuick ? 6 : 30);
}

/** What a replica costs that has nothing to do. */
export async function idleCost(services: Services, { program }: Running, seconds: number): Promise<IdleCost> {
  const cpuBeforeMs = program.cpuMs();
  const { sent, inner } = await commandsDuring(services, seconds * 1_000);
  const cpuMs = program.cpuMs() - cpuBeforeMs;
  return { cpuPercent: cpuMs / seconds / 10, commands: sent / seconds, inner: inner / seconds };
}

/** Uses MONITOR, which distinguishes a script's own commands from those of clients. */
async function commandsDuring({ redis }: Services, ms: number): Promise<{ sent: number; inner: number }> {
  const monitor = await redis.monitor();
  let [sent, inner] = [0, 0];
  monitor.on("monitor", (_time: string, _args: string[], source: string) => {
    if (source === "lua") inner += 1;
    else sent += 1;
  });
  await delay(ms);
  monitor.disconnect();
  return { sent, inner };
}
