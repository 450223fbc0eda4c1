import type { JSX } from "preact";
import { href } from "../../app/router.ts";
import { can } from "../../data/session.ts";
import { Button } from "../../parts/button.tsx";
import { Link } from "../../parts/link.tsx";

export function NewLink({ kind = "primary" }: { readonly kind?: "plain" | "primary" }): JSX.Element {
  return can("admin") ? (
    <Link to={href(["schedules"], { view: "new" })} class={`button ${kind}`}>
      New schedule
    </Link>
  ) : (
    <Button scope="admin" onPress={() => undefined}>
      New schedule
    </Button>
  );
}
