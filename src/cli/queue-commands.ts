/** `taskflow queues`, `pause` and `resume` */
import type { Command } from "commander";
import type { Queue } from "../client/contract.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import type { Column } from "./table.ts";
import { tablePrinter } from "./table.ts";
import { durationText } from "./time-option.ts";

export function addQueueCommands(program: Command, act: Act): void {
  program
    .command("queues")
    .summary("shows the queue of each type")
    .description(
      "Shows the queue of each type: whether it is paused, how many jobs wait and for how long, and how many run.",
    )
    .action(act(queues));
  program
    .command("pause")
    .summary("stops starting jobs of a type")
    .description(
      "Stops starting jobs of these types, on all replicas. New ones are accepted and wait; running ones continue.",
    )
    .argument("<type...>")
    .action(act(pause));
  program
    .command("resume")
    .summary("starts jobs of a type again")
    .description("Starts jobs of these types again.")
    .argument("<type...>")
    .action(act(resume));
}

const QUEUE_COLUMNS: readonly Column<Queue>[] = [
  { title: "type", text: ({ type }) => type },
  { title: "state", text: ({ state }) => state, colour: ({ state }) => (state === "paused" ? "yellow" : undefined) },
  { title: "waiting", text: ({ depth }) => String(depth), align: "right" },
  {
    title: "oldest",
    text: ({ oldest_wait_ms: oldest }) => (oldest === null ? "-" : durationText(oldest)),
    align: "right",
  },
  ...(["scheduled", "retrying", "running"] as const).map((status) => ({
    title: status,
    text: (queue: Queue) => String(queue[status]),
    align: "right" as const,
  })),
];

async function queues({ client, terminal, isJson }: Invocation): Promise<number> {
  const all = await client.queues();
  if (isJson) printJson(terminal, { queues: all });
  else tablePrinter(terminal, QUEUE_COLUMNS)(all);
  return IN_ORDER;
}

async function pause({ client, terminal, isJson }: Invocation, types: readonly string[]): Promise<number> {
  for (const type of types) printState(terminal, isJson, await client.pause(type));
  return IN_ORDER;
}

async function resume({ client, terminal, isJson }: Invocation, types: readonly string[]): Promise<number> {
  for (const type of types) printState(terminal, isJson, await client.resume(type));
  return IN_ORDER;
}

function printState(terminal: Invocation["terminal"], isJson: boolean, queue: Queue): void {
  if (isJson) printJson(terminal, queue);
  else
    terminal.out.write(
      `${queue.type} is ${queue.state}, ${queue.depth} ${queue.depth === 1 ? "job waits" : "jobs wait"}\n`,
    );
}
