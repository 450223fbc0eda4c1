import type { JSX } from "preact";
import { Link } from "../parts/link.tsx";
import { useKeys } from "./keys.ts";
import { href, navigate } from "./router.ts";
import { SCREENS } from "./screens.ts";

const pathOf = (path: string): string => href(path === "" ? [] : [path]);

export function Navigation({ current }: { readonly current: string }): JSX.Element {
  useKeys(
    "Screens",
    Object.fromEntries(
      SCREENS.map(({ path, title, key }) => [`g ${key}`, { text: title, run: () => navigate(pathOf(path)) }]),
    ),
  );
  return (
    <nav class="navigation" aria-label="Screens">
      <Link to={href([])} class="brand">
        <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
          <path d="M3 5h9M3 10h14M3 15h6" />
        </svg>
        TaskFlow
      </Link>
      <ul>
        {SCREENS.map(({ path, title }) => (
          <li key={path}>
            <Link to={pathOf(path)} isCurrent={path === current}>
              {title}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
