/** A short message at the bottom of the page, which screen readers hear too. */
import { h } from "../dom.js";

const SHOWN_MS = 3_000;

/** @type {HTMLElement | undefined} */
let box;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @param {unknown} message words, or an error with words */
export function toast(message) {
  if (!box) document.body.append((box = h("div", { class: "toast", role: "status" })));
  // In full screen only what is within the full screen element can be seen.
  (document.fullscreenElement ?? document.body).append(box);
  box.textContent = message instanceof Error ? message.message : String(message);
  box.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => box?.classList.remove("shown"), SHOWN_MS);
}

/**
 * Carries out what a button is for, and says why not if it fails.
 * @param {() => Promise<unknown>} act
 * @param {string} [done] said when it is done
 */
export async function attempt(act, done) {
  try {
    await act();
    if (done) toast(done);
  } catch (error) {
    toast(error);
  }
}
