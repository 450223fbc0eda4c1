/**
 * Checks the settings that only the parts using them can check, together, before the replica opens or changes anything.
 */
import { statSync } from "node:fs";
import { parseS3Location } from "../artifacts/s3-location.ts";
import { openArtifactLinks } from "../artifacts/signed-link.ts";
import type { Config } from "../config/config.ts";
import type { SettingSchema } from "../config/setting-value.ts";
import type { AnyJobDefinition } from "../core/job-type.ts";
import { StartError, UsageError } from "../errors.ts";
import type { MailSettings } from "../jobs/email/transport.ts";
import { checkMailSettings } from "../jobs/email/transport.ts";
import type { Registry } from "../jobs/registry.ts";
import { signingSecrets } from "../jobs/webhook/callback-secret.ts";
import { parseAllowed } from "../net/address.ts";
import type { OutboundSettings } from "../net/outbound.ts";

interface SettingsToCheck {
  readonly config: Config;
  readonly registry: Registry;
  readonly typeSettings: Readonly<Record<string, unknown>>;
}

/**
 * The definitions of the types that this replica runs.
 * @throws UsageError that lists each issue on a separate line: an unknown type in WORKER_TYPES, an invalid secret, a
 * missing folder
 */
export function typesToRun(settings: SettingsToCheck): readonly AnyJobDefinition[] {
  const { config, registry, typeSettings } = settings;
  const { WORKER_TYPES: wanted, TASKFLOW_ROLE: role } = config;
  const runs =
    role === "api"
      ? []
      : registry.types
          .filter(({ type }) => wanted.length === 0 || wanted.includes(type))
          .map(({ definition }) => definition);
  const { ARTIFACTS_URL = "" } = typeSettings as { readonly ARTIFACTS_URL?: string };
  const unknown = wanted.filter((type) => !registry.get(type));
  const issues = [
    ...(unknown.length === 0
      ? []
      : [
          `WORKER_TYPES: no job type is named ${unknown.join(", ")}; there are ${registry.types.map(({ type }) => type).join(", ")}`,
        ]),
    ...issuesIn(() => signingSecrets(config.CALLBACK_SECRET)),
    ...issuesIn(() => openArtifactLinks(config)),
    ...issuesIn(() => parseAllowed((typeSettings as Partial<OutboundSettings>).OUTBOUND_ALLOW_PRIVATE ?? false)),
    ...issuesIn(() => ARTIFACTS_URL !== "" && parseS3Location(ARTIFACTS_URL)),
    ...(runs.some(({ type }) => type === "email")
      ? issuesIn(() => checkMailSettings(typeSettings as MailSettings))
      : []),
    ...new Set(runs.flatMap((definition) => missingFolders(definition, typeSettings))),
  ];
  if (issues.length > 0) throw new UsageError(issues.join("\n"));
  return runs;
}

function issuesIn(read: () => unknown): string[] {
  try {
    read();
    return [];
  } catch (error) {
    if (error instanceof StartError) return [error.message];
    throw error;
  }
}

/**
 * An issue for each setting of a type to run whose value is not a folder. A replica that does not run the type need not
 * have the folder.
 */
function missingFolders({ settings }: AnyJobDefinition, values: Readonly<Record<string, unknown>>): string[] {
  const schemas = Object.entries(
    (settings as { readonly properties?: Readonly<Record<string, SettingSchema>> } | undefined)?.properties ?? {},
  );
  return schemas
    .filter(([name, { isFolder, default: byDefault }]) => isFolder === true && values[name] !== byDefault)
    .filter(([name]) => !statSync(String(values[name]), { throwIfNoEntry: false })?.isDirectory())
    .map(([name]) => `${name}: expected a folder, got ${JSON.stringify(values[name])}`);
}
