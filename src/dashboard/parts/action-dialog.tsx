/** A dialog that asks before an action. */
import type { ComponentChildren, JSX } from "preact";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";

interface ActionDialogProps {
  readonly title: string;
  readonly children: ComponentChildren;
  readonly onClose: () => void;
  readonly action: string;
  readonly isDanger?: boolean;
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
        <Button kind={isDanger ? "danger" : "primary"} onPress={onPress} unavailable={unavailable}>
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
