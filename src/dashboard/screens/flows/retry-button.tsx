/** Runs a node and everything after it again. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Flow } from "../../../client/taskflow.ts";
import { Button } from "../../parts/button.tsx";
import type { NamedNode } from "./flow-nodes.ts";
import { unavailableFor } from "./flow-rights.ts";
import { RetryDialog } from "./retry-dialog.tsx";

interface RetryFromButtonProps {
  readonly flow: Flow;
  readonly node: NamedNode;
}

export function RetryFromButton({ flow, node }: RetryFromButtonProps): JSX.Element {
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <Button
        kind="quiet"
        scope="submit"
        unavailable={unavailableFor("retry-from", flow)}
        onPress={() => setAsking(true)}
        label={`Retry from here: ${node.name}`}
      >
        Retry from here
      </Button>
      {isAsking ? <RetryDialog flow={flow} names={[node.name]} onClose={() => setAsking(false)} /> : null}
    </>
  );
}
