/** A dialog that asks before an action. */
import type { ComponentChildren, JSX } from "preact";
import type { Scope } from "../data/session.ts";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";

interface ActionDialogProps {
  readonly title: string;
  readonly children: ComponentChildren;
  readonly onClose: () => void;
  readonly action: string;
  readonly isDanger?: boolean;
  /** The scope that the action needs. */
  readonly scope?: Scope;
  readonly unavailable?: string | undefined;
  /** The dialog closes when it has succeeded. */
  readonly act: () => Promise<void>;
}

export function ActionDialog({
  title,
  children,
  onClose,
  action,
  isDanger = false,
  scope = "read",
  unavailable,
  act,
}: ActionDialogProps): JSX.Element {
  const onPress = async (): Promise<void> => {
    await act();
    onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      <div class="actions">
        <Button onPress={onClose}>Close</Button>
        <Button kind={isDanger ? "danger" : "primary"} scope={scope} onPress={onPress} unavailable={unavailable}>
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
