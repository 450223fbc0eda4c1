/** The frame of all screens: navigation, header, messages. */
import { signal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { session, startSession } from "../data/session.ts";
import { Page } from "../parts/page.tsx";
import { ErrorText, Toasts } from "../parts/toasts.tsx";
import { Header } from "./header.tsx";
import { Navigation } from "./navigation.tsx";
import { Palette } from "./palette.tsx";
import { route } from "./router.ts";
import type { Screen, ScreenProps } from "./screens.ts";
import { screenAt } from "./screens.ts";
import { ShortcutList } from "./shortcut-list.tsx";
import { SignIn } from "./sign-in.tsx";

export function App(): JSX.Element {
  useEffect(() => {
    startSession().catch((error: unknown) => {
      failure.value = error;
    });
  }, []);
  const now = session.value;
  if (failure.value !== undefined)
    return <Plain title="The dashboard could not start">{<ErrorText error={failure.value} />}</Plain>;
  if (now.kind === "starting") return <div class="starting" />;
  if (now.kind === "denied") return <Plain title="Not available">{now.message}</Plain>;
  if (now.kind === "signed-out") return <SignIn message={now.message} />;
  const [path = "", item] = route().path;
  const screen = screenAt(path);
  return (
    <div class="app">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Navigation current={path} />
      <div class="content">
        <Header identity={now.identity} />
        <main id="main" tabIndex={-1}>
          {screen && route().path.length <= 2 ? (
            <ScreenOf key={`${path}/${item ?? ""}`} screen={screen} item={item} />
          ) : (
            <NotFound />
          )}
        </main>
      </div>
      <Palette />
      <ShortcutList />
      <Toasts />
    </div>
  );
}

const failure = signal<unknown>(undefined);
/** The code of the screens that were opened. */
const loaded = signal<ReadonlyMap<Screen["load"], ComponentType<ScreenProps>>>(new Map());

function ScreenOf({ screen, item }: { readonly screen: Screen; readonly item: string | undefined }): JSX.Element {
  const load = item === undefined ? screen.load : screen.loadItem;
  const Loaded = load && loaded.value.get(load);
  useEffect(() => {
    if (Loaded || !load) return;
    load().then(
      (component) => {
        loaded.value = new Map(loaded.peek()).set(load, component);
      },
      // A new version of the server has other files: the page is loaded again.
      () => location.reload(),
    );
  }, [load]);
  if (!load) return <NotFound />;
  return Loaded ? <Loaded item={item} /> : <div class="waiting" />;
}

function NotFound(): JSX.Element {
  return (
    <Page title="Not found">
      <p>There is no screen at this address.</p>
    </Page>
  );
}

function Plain({ title, children }: { readonly title: string; readonly children: JSX.Element | string }): JSX.Element {
  return (
    <main class="plain">
      <h1>{title}</h1>
      <p>{children}</p>
    </main>
  );
}
