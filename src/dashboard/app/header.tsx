/** The header: what is wrong with the connection, and what concerns all screens. */
import type { JSX } from "preact";
import { useResource } from "../data/resource.ts";
import type { Identity } from "../data/session.ts";
import { currentKey, signOut } from "../data/session.ts";
import { Button } from "../parts/button.tsx";
import { durationText } from "../parts/format.ts";
import { now, setZone, zone } from "../parts/time.tsx";
import { openPalette } from "./palette.tsx";
import { openShortcutList } from "./shortcut-list.tsx";
import { nextTheme, setTheme, theme } from "./theme.ts";

const THEME_NAMES = { system: "Theme: system", light: "Theme: light", dark: "Theme: dark" } as const;

export function Header({ identity }: { readonly identity: Identity }): JSX.Element {
  const { dashboard, user, key } = identity;
  const name = user ?? key?.name ?? null;
  return (
    <>
      <header class="header">
        {dashboard.label === null ? null : <span class="environment">{dashboard.label}</span>}
        {dashboard.mode === "read" ? <span class="environment">read only</span> : null}
        <button type="button" class="search-button" onClick={openPalette}>
          Search or go to… <kbd>Ctrl K</kbd>
        </button>
        <div class="header-tools">
          <Button
            kind="quiet"
            onPress={() => setZone(zone.value === "utc" ? "local" : "utc")}
            title="Show times in local time or UTC"
          >
            {zone.value === "utc" ? "UTC" : "Local time"}
          </Button>
          <Button kind="quiet" onPress={() => setTheme(nextTheme())}>
            {THEME_NAMES[theme.value]}
          </Button>
          <Button kind="quiet" onPress={openShortcutList} label="Keyboard shortcuts">
            ?
          </Button>
          {name === null ? null : <span class="user">{name}</span>}
          {currentKey() === undefined ? null : (
            <Button kind="quiet" onPress={() => signOut()}>
              Sign out
            </Button>
          )}
        </div>
      </header>
      <ConnectionNotice />
    </>
  );
}

/** Says that the server, Redis or Postgres is away. It reads the health beside every screen. */
function ConnectionNotice(): JSX.Element | null {
  const { data, error, readAt } = useResource("health", (api, signal) => api.health({ signal }), { everyMs: 2_000 });
  if (error) {
    return (
      <div class="notice error">
        <span role="alert">
          No answer from the server. The data on screen is old; it is read again when the server answers.
        </span>
        {readAt === undefined ? null : ` The last answer came ${durationText(now.value - readAt)} ago.`}
      </div>
    );
  }
  if (!data || data.status === "ok") return null;
  const { redis } = data.checks;
  const away = Object.entries(data.checks).filter(
    // only Redis knows the replicas
    ([name, check]) => check.status !== "ok" && (name !== "workers" || redis.status === "ok"),
  );
  return (
    <div class="notice error" role="alert">
      {away.map(([name, check]) => (
        <div key={name}>
          {AWAY[name] ?? name}
          {check.error === undefined ? "" : ` (${check.error})`}
        </div>
      ))}
    </div>
  );
}

const AWAY: Readonly<Record<string, string>> = {
  redis: "Redis does not answer: no jobs are accepted or started.",
  postgres: "Postgres does not answer: finished jobs wait in Redis until it does, and the history cannot be read.",
  workers: "No replica runs jobs: they wait.",
};
