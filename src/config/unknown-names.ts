/** Detects misspelt settings: environment variables that begin with TASKFLOW_ and do not name a setting. */
import type { TObject } from "typebox";
import { fileSetting, namesInFiles } from "./secret-files.ts";

type Environment = Readonly<Record<string, string | undefined>>;

// Kubernetes puts the addresses of a Service named taskflow-… into each container's environment under names like ours
// (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
const SERVICE_LINK = /^TASKFLOW_(?:\w+_)?(?:SERVICE_(?:HOST|PORT)\w*|PORT(?:_\d+_\w+)?)$/;

/** Read by the `taskflow` command. Users often set them in the environment of a server, too. */
const OF_THE_COMMAND = ["TASKFLOW_URL", "TASKFLOW_API_KEY"];

/** Returns a sentence for each such variable. */
export function unknownNames(env: Environment, tables: readonly TObject[]): string[] {
  const settings = tables.flatMap(({ properties }) => Object.keys(properties));
  const known = new Set([...settings, ...namesInFiles(tables).map(fileSetting)]);
  const ours = [...new Set(settings)].filter((name) => name.startsWith("TASKFLOW_")).join(", ");
  return Object.keys(env)
    .filter((name) => name.startsWith("TASKFLOW_") && env[name] !== undefined && !known.has(name))
    .filter((name) => !OF_THE_COMMAND.includes(name) && !SERVICE_LINK.test(name))
    .map((name) => `${name}: no setting has this name; there are ${ours}`);
}
