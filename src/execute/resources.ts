/** The resources that the types' `open` creates, once in this process; a drain closes them. */
import type { AnyJobDefinition, Services } from "../core/job-type.ts";

/** The settings that a type declares, out of all. */
export function pickSettings(
  definition: AnyJobDefinition,
  settings: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const names = Object.keys((definition.settings as { properties?: object } | undefined)?.properties ?? {});
  return Object.fromEntries(names.map((name) => [name, settings[name]]));
}

export class Resources {
  readonly #resources = new Map<string, unknown>();
  readonly #definitions: readonly AnyJobDefinition[];

  constructor(definitions: readonly AnyJobDefinition[]) {
    this.#definitions = definitions;
  }

  async open(settings: Readonly<Record<string, unknown>>, services: Services): Promise<void> {
    for (const definition of this.#definitions) {
      this.#resources.set(definition.type, await definition.open?.(pickSettings(definition, settings), services));
    }
  }

  get(type: string): unknown {
    return this.#resources.get(type);
  }

  async close(): Promise<void> {
    for (const definition of this.#definitions) {
      if (this.#resources.has(definition.type)) await definition.close?.(this.#resources.get(definition.type));
      this.#resources.delete(definition.type);
    }
  }
}
