/** What a player shows: the picture, and over it the state in words. Knows no protocol. */
import { h } from "../dom.js";
import { sheet } from "./style.js";

/** @typedef {import("./state.js").PlayerState} PlayerState */

export class View {
  #size = new CSSStyleSheet();
  #picture = h("div", { class: "picture", part: "picture" });
  #words = h("span", { class: "words" });
  #mark = h("div", { class: "mark", part: "mark", "aria-hidden": "true" }, h("span", { class: "dot" }), this.#words);
  #spoken = h("div", { class: "spoken", role: "status" });
  #frame = h(
    "div",
    { class: "frame empty" },
    this.#picture,
    h("div", { class: "shimmer" }),
    h("slot"),
    this.#mark,
    this.#spoken,
  );
  /** @type {PlayerState | null} */
  #state = null;
  /** There is no picture yet: the state is shown large. */
  #empty = true;
  /** What shows a picture. @type {HTMLElement | null} */
  #shown = null;
  #ratio = "";
  #brief = false;
  /** @type {HTMLElement | null} */
  #controls = null;

  /** @param {ShadowRoot} root */
  constructor(root) {
    root.adoptedStyleSheets = [sheet(), this.#size];
    root.append(this.#frame);
  }

  /** What shows the picture now, if anything does. */
  get element() {
    return /** @type {HTMLElement | null} */ (this.#picture.lastElementChild);
  }

  /** @param {PlayerState} state */
  setState(state) {
    const before = this.#state;
    this.#state = state;
    const words = this.#brief && state.kind === "unreachable" ? state.spoken : state.words;
    if (this.#words.textContent !== words) this.#words.textContent = words;
    this.#mark.title = words;
    if (before?.kind === state.kind && before.tone === state.tone) return;
    this.#classes();
    // A player that starts, or is scrolled into view, is no news. What breaks or comes back is.
    const news = state.kind !== "connecting" && !(state.kind === "live" && this.#spoken.textContent === "");
    if (news) this.#spoken.textContent = state.spoken;
  }

  /**
   * Shows `element` from now on. What another one has shown stays below it until it has a picture.
   * @param {HTMLElement} element
   */
  setRoute(element) {
    for (const before of [...this.#picture.children]) if (before !== this.#shown) before.remove();
    this.#picture.append(element);
  }

  /** The element has a picture now. */
  setShown() {
    this.#shown = this.element;
    while (this.#picture.firstElementChild !== this.#shown) this.#picture.firstElementChild?.remove();
    if (!this.#empty) return;
    this.#empty = false;
    this.#classes();
  }

  /**
   * Gives the player the shape of its picture, unless the page gives it another.
   * @param {number} width
   * @param {number} height
   */
  setRatio(width, height) {
    const ratio = `${width} / ${height}`;
    if (ratio === this.#ratio) return;
    this.#ratio = ratio;
    this.#size.replaceSync(`:host { aspect-ratio: ${ratio}; }`);
  }

  /** @param {boolean} brief whether the page tells by itself when the relay is tried again */
  setBrief(brief) {
    this.#brief = brief;
    if (this.#state) this.setState(this.#state);
  }

  /** @param {string | null} fit */
  setFit(fit) {
    this.#frame.style.setProperty("--fit", fit === "cover" ? "cover" : "contain");
  }

  /**
   * Enlarges the picture, not what is over it.
   * @param {{scale: number, x: number, y: number}} zoom `x` and `y` in CSS pixels
   */
  setZoom({ scale, x, y }) {
    this.#picture.style.transform = scale === 1 ? "" : `translate(${x}px, ${y}px) scale(${scale})`;
  }

  /** @param {HTMLElement | null} controls */
  setControls(controls) {
    this.#controls?.remove();
    this.#controls = controls;
    if (controls) this.#frame.append(controls);
    this.#classes();
  }

  #classes() {
    const { kind, tone } = this.#state ?? { kind: "connecting", tone: "quiet" };
    const empty = this.#empty ? " empty" : "";
    this.#frame.className = `frame ${kind} ${tone}${empty}${this.#controls ? " with-controls" : ""}`;
  }
}
