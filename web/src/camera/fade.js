/** Controls that fade while nobody needs them. */

const AFTER_MS = 3_000;

/**
 * Sets the class "idle" on `element` once nobody has moved, typed or touched for a while.
 * @param {HTMLElement} element
 * @param {() => boolean} keep whether the controls must stay for now
 */
export function fade(element, keep) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const wake = () => {
    element.classList.remove("idle");
    clearTimeout(timer);
    timer = setTimeout(sleep, AFTER_MS);
  };
  const sleep = () => {
    if (keep()) wake();
    else element.classList.add("idle");
  };
  /** A touch shows and hides them; its pointer does not hover. @param {PointerEvent} event */
  const hover = (event) => event.pointerType !== "touch" && wake();
  element.addEventListener("pointermove", hover);
  element.addEventListener("keydown", wake);
  element.addEventListener("focusin", wake);
  element.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && sleep());
  wake();
  return {
    wake,
    toggle: () => (element.classList.contains("idle") ? wake() : element.classList.add("idle")),
    end: () => clearTimeout(timer),
  };
}
