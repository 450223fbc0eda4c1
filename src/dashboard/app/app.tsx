/** The frame of all screens: navigation, header, messages. */
import { signal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { session, startSession } from "../data/session.ts";
import { Link } from "../parts/link.tsx";
import { Page } from "../parts/page.tsx";
import { ErrorText, Toasts } from "../parts/toasts.tsx";
import { Header } from "./header.tsx";
import { Navigation } from "./navigation.tsx";
import { Palette } from "./palette.tsx";
import { href, route } from "./router.ts";
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
      <SkipLink />
      <Navigation current={path} />
      <div class="content">
        <Header identity={now.identity} />
        <main id="main" tabIndex={-1}>
          {!screen || route().path.length > 2 ? (
            <NotFound />
          ) : now.identity.scopes.includes("read") || path === SUBMIT_SCREEN ? (
            <ScreenOf key={`${path}/${item ?? ""}`} screen={screen} item={item} />
          ) : (
            <MayNotRead title={screen.title} />
          )}
        </main>
      </div>
      <Palette />
      <ShortcutList />
      <Toasts />
    </div>
  );
}

/** The screen that a key with only the scope `submit` can use. */
const SUBMIT_SCREEN = "new";

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
  useEffect(() => {
    if (Loaded) focusScreen();
  }, [Loaded]);
  if (!load) return <NotFound />;
  return Loaded ? <Loaded item={item} /> : <div class="waiting" />;
}

/** Whether a screen was shown: the first one leaves the focus where the browser has it. */
let wasShown = false;

/** Keyboards and screen readers continue at the new screen, unless it has put the focus into itself. */
function focusScreen(): void {
  const main = document.querySelector<HTMLElement>("main");
  const isElsewhere = document.querySelector("dialog[open]") !== null || main?.contains(document.activeElement);
  if (wasShown && !isElsewhere) (main?.querySelector<HTMLElement>("h1") ?? main)?.focus({ preventScroll: true });
  wasShown = true;
}

function SkipLink(): JSX.Element {
  const onClick = (event: MouseEvent): void => {
    event.preventDefault(); // the URL stays that of the screen
    document.querySelector<HTMLElement>("main")?.focus();
  };
  return (
    <a class="skip" href="#main" onClick={onClick}>
      Skip to the content
    </a>
  );
}

function MayNotRead({ title }: { readonly title: string }): JSX.Element {
  useEffect(focusScreen, []);
  return (
    <Page title={title}>
      <p>
        This API key may only submit jobs: this screen needs a key with the scope read.{" "}
        <Link to={href([SUBMIT_SCREEN])}>Submit a job</Link>, or sign in with another key.
      </p>
    </Page>
  );
}

function NotFound(): JSX.Element {
  useEffect(focusScreen, []);
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
