/** What a screen shows in place of data, or about the age of its data. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ResourceState } from "../data/resource.ts";
import { durationText } from "./format.ts";
import { now } from "./time.tsx";
import { ErrorText } from "./toasts.tsx";

/** A spinner is not shown before so long: most answers come earlier. */
const PATIENCE_MS = 300;

/** Shows the data of a resource once there is some; above it, an error of the latest read and the age of the data. */
export function Loaded<Data>({
  of,
  children,
}: {
  readonly of: ResourceState<Data>;
  readonly children: (data: Data) => ComponentChildren;
}): JSX.Element {
  const { data, error } = of;
  return (
    <>
      {error ? <Stale of={of} /> : null}
      {data === undefined ? error ? null : <Waiting /> : children(data)}
    </>
  );
}

export function Stale({ of: { error, readAt } }: { readonly of: ResourceState<unknown> }): JSX.Element {
  return (
    <div class="notice error">
      <div role="alert">
        <ErrorText error={error} />
      </div>
      {readAt === undefined ? null : <span> The data below is {durationText(now.value - readAt)} old.</span>}
    </div>
  );
}

function Waiting(): JSX.Element | null {
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  return isShown ? (
    <div class="waiting" role="status">
      Loading…
    </div>
  ) : (
    <div class="waiting" />
  );
}
