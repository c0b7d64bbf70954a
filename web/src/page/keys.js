/** Which key does what in a view. */

/**
 * Listens until the returned function is called. Keys with modifiers, and keys for text fields, buttons'
 * own keys and open dialogs, are left alone.
 * @param {Record<string, (event: KeyboardEvent) => void>} actions by `KeyboardEvent.key`
 */
export function onKeys(actions) {
  /** @param {KeyboardEvent} event */
  const listen = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.composedPath()[0];
    if (target instanceof Element) {
      if (target.closest("input, textarea, select, dialog")) return;
      if (event.key === " " && target.closest("button, a, [role=radio]")) return;
    }
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined;
    if (!action) return;
    event.preventDefault();
    action(event);
  };
  addEventListener("keydown", listen);
  return () => removeEventListener("keydown", listen);
}
