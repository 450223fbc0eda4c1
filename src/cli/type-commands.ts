/** `taskflow types` and `destinations` */
import type { Command } from "commander";
import type { Destination, TypeDescription } from "../client/contract.ts";
import { withEachJob } from "./each-job.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import type { Column } from "./table.ts";
import { tablePrinter } from "./table.ts";
import { durationText, timeText } from "./time-option.ts";

export function addTypeCommands(program: Command, act: Act): void {
  program
    .command("types")
    .summary("shows each job type")
    .description(
      "Shows each job type: its lane, its defaults, and how many replicas run it. With --json also its schema.",
    )
    .action(act(types));
  const command = program
    .command("destinations")
    .summary("shows the hosts that jobs call")
    .description(
      "Shows the hosts that jobs call: whether their jobs are suspended because the host fails, and how many calls run.",
    )
    .action(act(destinations));
  command
    .command("reset")
    .summary("tries a suspended host again")
    .description("Ends the suspension of these hosts: their jobs run again.")
    .argument("<host...>")
    .action(act(reset));
}

const TYPE_COLUMNS: readonly Column<TypeDescription>[] = [
  { title: "type", text: ({ type }) => type },
  { title: "lane", text: ({ lane }) => lane ?? "" },
  { title: "attempts", text: ({ max_attempts: most }) => (most === null ? "" : String(most)), align: "right" },
  { title: "timeout", text: ({ timeout_ms: ms }) => (ms === null ? "" : durationText(ms)), align: "right" },
  {
    title: "replicas",
    text: ({ replicas }) => String(replicas.length),
    align: "right",
    colour: ({ replicas }) => (replicas.length === 0 ? "yellow" : undefined),
  },
  { title: "description", text: ({ description }) => description ?? "" },
];

async function types({ client, terminal, isJson, signal }: Invocation): Promise<number> {
  const all = await client.types({ signal });
  if (isJson) printJson(terminal, { types: all });
  else tablePrinter(terminal, TYPE_COLUMNS)(all);
  return IN_ORDER;
}

const DESTINATION_COLUMNS: readonly Column<Destination>[] = [
  { title: "host", text: ({ host }) => host },
  { title: "state", text: ({ state }) => state, colour: ({ state }) => (state === "closed" ? undefined : "yellow") },
  {
    title: "in flight",
    text: ({ in_flight, limit }) => `${in_flight}/${limit}`,
    align: "right",
  },
  { title: "failures", text: ({ consecutive_failures: failures }) => String(failures), align: "right" },
  {
    title: "suspended until",
    text: ({ suspended_until: until }) => (until === null ? "" : timeText(until)),
  },
];

async function destinations({ client, terminal, isJson, signal }: Invocation): Promise<number> {
  const all = await client.destinations({ signal });
  if (isJson) printJson(terminal, { destinations: all });
  else if (all.length === 0) terminal.err.write("No host was called recently.\n");
  else tablePrinter(terminal, DESTINATION_COLUMNS)(all);
  return IN_ORDER;
}

async function reset(invocation: Invocation, hosts: readonly string[]): Promise<number> {
  const { client, terminal, isJson, signal } = invocation;
  return withEachJob(invocation, hosts, async (host) => {
    const destination = await client.resetDestination(host, { signal });
    if (isJson) printJson(terminal, destination);
    else terminal.out.write(`${host} is ${destination.state}\n`);
    return IN_ORDER;
  });
}
