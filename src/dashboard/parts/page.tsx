/** The frame of a screen: its heading, its actions, and the title of the browser's tab. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect } from "preact/hooks";

interface PageProps {
  /** Of the browser's tab. */
  readonly title: string;
  readonly heading?: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Page({ title, heading = title, actions, children }: PageProps): JSX.Element {
  useEffect(() => {
    document.title = `${title} – TaskFlow`;
  }, [title]);
  return (
    <>
      <div class="page-head">
        <h1 tabIndex={-1}>{heading}</h1>
        {actions ? <div class="actions">{actions}</div> : null}
      </div>
      {children}
    </>
  );
}

export function Panel({
  title,
  aside,
  children,
}: {
  readonly title: ComponentChildren;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>{title}</h2>
        {aside ? <div class="panel-aside">{aside}</div> : null}
      </div>
      {children}
    </section>
  );
}
