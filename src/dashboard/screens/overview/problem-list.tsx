import type { JSX } from "preact";
import { href } from "../../app/router.ts";
import { Link } from "../../parts/link.tsx";
import { Panel } from "../../parts/page.tsx";
import type { Observed } from "./problems.ts";
import { problemsOf } from "./problems.ts";

export function ProblemList({ observed }: { readonly observed: Observed }): JSX.Element {
  const problems = problemsOf(observed);
  const isKnown = observed.queues !== undefined && observed.workers !== undefined;
  return (
    <Panel title="Problems">
      {problems.length > 0 ? (
        // a long list scrolls, so the keyboard must reach it
        <ul class="problems" role="list" tabIndex={0} aria-label="Problems, worst first">
          {problems.map(({ key, severity, text, path, q }) => (
            <li key={key} class={severity}>
              <svg class="shape" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
                {severity === "error" ? (
                  <path d="M3.5 1h5L11 3.5v5L8.5 11h-5L1 8.5v-5zM6 3.5v3M6 8.4v.2" class="line" />
                ) : (
                  <path d="M6 1.2L11.2 10.6H.8zM6 4.8v2.6M6 8.9v.2" class="line" />
                )}
              </svg>
              <span class="off-screen">{severity === "error" ? "Error: " : "Warning: "}</span>
              <Link to={href(path, q === undefined ? {} : { q })}>{text}</Link>
            </li>
          ))}
        </ul>
      ) : (
        <p class="no-problems">{isKnown ? "No problems." : ""}</p>
      )}
    </Panel>
  );
}
