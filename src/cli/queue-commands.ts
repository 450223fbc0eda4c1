/** `taskflow queues`, `pause` and `resume` */
import type { Command } from "commander";
import type { Queue, QueueDetail } from "../client/contract.ts";
import { printable } from "../observability/terminal-text.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import type { Column } from "./table.ts";
import { fieldLines, tablePrinter } from "./table.ts";
import { durationText, timeText } from "./time-option.ts";

export function addQueueCommands(program: Command, act: Act): void {
  program
    .command("queues")
    .summary("shows the queue of each type, or one in detail")
    .description(
      "Shows the queue of each type: whether it is paused, how many jobs wait and for how long, and how many run.\n" +
        "With a type, shows its queue in detail: priorities, the groups with the most waiting jobs, and the next due.",
    )
    .argument("[type]")
    .action(act(queues));
  program
    .command("pause")
    .summary("stops starting jobs of a type")
    .description(
      "Stops starting jobs of these types, on all replicas. New ones are accepted and wait; running ones continue.",
    )
    .argument("<type...>")
    .option("--reason <text>", "why, for people: `queues TYPE` and the audit show it")
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
  { title: "queued", text: ({ depth }) => String(depth), align: "right" },
  {
    title: "oldest",
    text: ({ oldest_wait_ms: oldest }) => (oldest === null ? "-" : durationText(oldest)),
    align: "right",
  },
  ...(["scheduled", "retrying", "running", "waiting"] as const).map((status) => ({
    title: status,
    text: (queue: Queue) => String(queue[status]),
    align: "right" as const,
  })),
];

const GROUP_COLUMNS: readonly Column<QueueDetail["groups"][number]>[] = [
  { title: "waiting", text: ({ waiting }) => String(waiting), align: "right" },
  { title: "group", text: ({ group_key: group }) => group ?? "-" },
];

const DUE_COLUMNS: readonly Column<QueueDetail["next_due"][number]>[] = [
  { title: "due", text: ({ run_at }) => timeText(run_at) },
  { title: "status", text: ({ status }) => status },
  { title: "id", text: ({ id }) => id },
];

async function queues(invocation: Invocation, type?: string): Promise<number> {
  const { client, terminal, isJson } = invocation;
  if (type !== undefined) return showQueue(invocation, type);
  const all = await client.queues();
  if (isJson) printJson(terminal, { queues: all });
  else tablePrinter(terminal, QUEUE_COLUMNS)(all);
  return IN_ORDER;
}

async function showQueue({ client, terminal, isJson, signal }: Invocation, type: string): Promise<number> {
  const queue = await client.queue(type, { signal });
  if (isJson) printJson(terminal, queue);
  else {
    terminal.out.write(fieldLines(fieldsOf(queue), terminal));
    printParts(terminal, queue);
  }
  return IN_ORDER;
}

function fieldsOf(queue: QueueDetail): [name: string, value: string | null][] {
  const priorities = Object.entries(queue.by_priority).sort(([one], [other]) => Number(other) - Number(one));
  return [
    ["type", queue.type],
    ["state", queue.state],
    ["reason", queue.paused_reason === null ? null : printable(queue.paused_reason)],
    ["queued", String(queue.depth)],
    ["by priority", priorities.map(([priority, n]) => `${priority}: ${n}`).join(", ") || null],
    ["oldest", queue.oldest_wait_ms === null ? null : durationText(queue.oldest_wait_ms)],
    ["scheduled", String(queue.scheduled)],
    ["retrying", String(queue.retrying)],
    ["waiting", queue.waiting === 0 ? null : `${queue.waiting} for other jobs`],
    ["running", `${queue.running} of ${queue.limit}`],
    ["replicas", queue.replicas.join(", ") || "none"],
  ];
}

function printParts(terminal: Invocation["terminal"], { groups, next_due: nextDue, is_partial }: QueueDetail): void {
  if (groups.length > 0) {
    terminal.out.write("\n");
    tablePrinter(terminal, GROUP_COLUMNS)(groups);
  }
  if (nextDue.length > 0) {
    terminal.out.write("\n");
    tablePrinter(terminal, DUE_COLUMNS)(nextDue);
  }
  if (is_partial)
    terminal.err.write("There are too many jobs to read: groups are estimates, or due jobs are left out.\n");
}

async function pause(
  invocation: Invocation,
  types: readonly string[],
  options: { readonly reason?: string },
): Promise<number> {
  for (const type of types) printState(invocation, await invocation.client.pause(type, options));
  return IN_ORDER;
}

async function resume(invocation: Invocation, types: readonly string[]): Promise<number> {
  for (const type of types) printState(invocation, await invocation.client.resume(type));
  return IN_ORDER;
}

function printState({ terminal, isJson }: Invocation, queue: Queue): void {
  if (isJson) printJson(terminal, queue);
  else
    terminal.out.write(
      `${queue.type} is ${queue.state}, ${queue.depth} ${queue.depth === 1 ? "job waits" : "jobs wait"}\n`,
    );
}
