/** One slow clock for all players of a page. */

/** Often enough for words that count seconds. */
const EVERY_MS = 250;

/** @type {Set<() => void>} */
const listeners = new Set();
/** @type {ReturnType<typeof setInterval> | undefined} */
let timer;

/**
 * Calls `listener` four times a second, until the returned function is called.
 * @param {() => void} listener
 */
export function everyTick(listener) {
  listeners.add(listener);
  timer ??= setInterval(() => {
    for (const each of listeners) each();
  }, EVERY_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}
