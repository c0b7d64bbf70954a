/**
 * `<sightline-player>`: one live camera, in any page, from any origin.
 *
 * Attributes:
 * - `camera`: "site/camera";
 * - `src`: the relay's address, or that of one of its cameras; without it, the relay that serves this code;
 * - `quality`: "auto" (the default), "high" or "low": the small stream if the camera offers one, else what costs least;
 * - `max-fps`: frames per second at most, where that can be; all of them without it;
 * - `latency`: milliseconds that a player that buffers should be behind; 150 without it;
 * - `fit`: "contain" (the default) or "cover";
 * - `controls`: shows buttons over the picture;
 * - `brief`: leaves it to the page to count down to the next try of an unreachable relay.
 *
 * Children are shown over the picture and under the words about its state.
 *
 * Events: `state` with a `PlayerState`, `stats` with `Stats` once a second while it plays, both in `detail`;
 * `size` when the shape of the picture is known or changes; `volumechange` when what is heard does, or may be.
 *
 * It stops while nobody can see it (page hidden, scrolled away, removed), and keeps its last picture; what is heard
 * goes on in a hidden page. It begins muted.
 */
import { cameraTitle } from "../words.js";
import { address } from "./address.js";
import { controlBar } from "./controls.js";
import { save, snapshotName } from "./download.js";
import { pictureInPicture } from "./pip.js";
import { Session } from "./session.js";
import { TARGET_S } from "./steer.js";
import { everyTick } from "./ticker.js";
import { View } from "./view.js";

/** Ticks between two `stats` events. */
const TICKS_PER_STATS = 4;
/** Players this close to the window are made ready. */
const MARGIN = "64px";
/** The furthest behind that makes sense to wish for, milliseconds. */
const MAX_LATENCY_MS = 10_000;

export class SightlinePlayer extends HTMLElement {
  static observedAttributes = ["src", "camera", "max-fps", "fit", "controls", "brief", "quality", "latency"];

  #view = new View(this.attachShadow({ mode: "open" }));
  /** @type {Session | null} */
  #session = null;
  /** @type {ReturnType<typeof controlBar> | null} */
  #bar = null;
  /** @type {import("./state.js").PlayerState | null} */
  #state = null;
  #ratio = 0;
  #onScreen = false;
  /** A floating picture is seen wherever its page is. */
  #floating = false;
  #ticks = 0;
  /** @type {(() => void) | null} */
  #stopTicking = null;
  #intersection = new IntersectionObserver(
    (entries) => {
      this.#onScreen = entries[entries.length - 1].isIntersecting;
      this.#activate();
    },
    { rootMargin: MARGIN },
  );

  /** The state in words; null before the element is in a page. */
  get state() {
    return this.#state;
  }

  /** What was measured; null before the element is in a page. */
  get stats() {
    return this.#session?.stats() ?? null;
  }

  /** What the camera says of itself, if the relay has told. */
  get info() {
    return this.#session?.info;
  }

  /** Width to height of the picture; 0 while unknown. */
  get ratio() {
    return this.#ratio;
  }

  get paused() {
    return this.#session?.paused ?? false;
  }

  /** Whether nothing is heard. */
  get muted() {
    return !this.#sound.on;
  }

  /** Browsers allow sound only after the reader has clicked somewhere. */
  set muted(muted) {
    this.#session?.setSound({ on: !muted });
  }

  /** 0 to 1. */
  get volume() {
    return this.#sound.volume;
  }

  set volume(volume) {
    this.#session?.setSound({ volume: Math.min(1, Math.max(0, volume)) });
  }

  /** Whether the camera has sound that this browser can play. */
  get audible() {
    return this.#sound.offered;
  }

  pause() {
    this.#session?.setPaused(true);
  }

  /** Goes on with what is live now. */
  play() {
    this.#session?.setPaused(false);
  }

  /** "auto", "high" or "low". */
  get quality() {
    const quality = this.getAttribute("quality");
    return quality === "high" || quality === "low" ? quality : "auto";
  }

  /** The picture that is shown, as JPEG. Rejects with words. @returns {Promise<Blob>} */
  snapshot() {
    return this.#session?.snapshot() ?? Promise.reject(new Error("the player is not in a page"));
  }

  /** Lets the reader save the picture that is shown. Rejects with words. */
  async saveSnapshot() {
    save(await this.snapshot(), snapshotName(this.#session?.camera ?? "", new Date()));
  }

  /** Floats the picture over other windows, or ends that. Rejects with words. */
  async togglePictureInPicture() {
    await pictureInPicture(this.#view.element, () => {
      this.#floating = false;
      this.#activate();
    });
    this.#floating = document.pictureInPictureElement !== null;
    this.#activate();
  }

  async toggleFullscreen() {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await this.requestFullscreen();
  }

  /**
   * Enlarges the picture, not the words over it.
   * @param {{scale: number, x: number, y: number}} zoom `x` and `y` in CSS pixels
   */
  setZoom(zoom) {
    this.#view.setZoom(zoom);
  }

  connectedCallback() {
    document.addEventListener("visibilitychange", this.#activate);
    this.#intersection.observe(this);
    this.#open();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#activate);
    this.#intersection.disconnect();
    this.#onScreen = false;
    this.#close();
  }

  /**
   * @param {string} name
   * @param {string | null} before
   * @param {string | null} after
   */
  attributeChangedCallback(name, before, after) {
    if (before === after) return;
    if (name === "fit") this.#view.setFit(after);
    else if (name === "brief") this.#view.setBrief(after !== null);
    else if (name === "controls") this.#setControls(after !== null);
    else if (name === "quality") this.#session?.setQuality(this.quality);
    else if (name === "max-fps") this.#session?.setMaxFps(this.#maxFps);
    else if (this.isConnected) this.#open();
  }

  #open() {
    this.#close();
    const found = address(this.getAttribute("src"), this.getAttribute("camera"), import.meta.url, document.baseURI);
    if ("problem" in found) {
      this.#show({ kind: "failed", tone: "error", words: found.problem, spoken: found.problem });
      return;
    }
    this.#session = new Session(
      { ...found, maxFps: this.#maxFps, quality: this.quality, targetS: this.#targetS },
      {
        state: (state) => this.#show(state),
        route: (element) => this.#setRoute(element),
        sound: () => this.#heard(),
        size: (width, height, shown) => this.#resize(width, height, shown),
      },
    );
    this.#stopTicking = everyTick(() => this.#tick());
    this.#activate();
  }

  #close() {
    this.#stopTicking?.();
    this.#stopTicking = null;
    this.#session?.end();
    this.#session = null;
  }

  #activate = () => {
    this.#session?.setActive(this.#floating || (this.#onScreen && (!document.hidden || this.#sound.on)));
  };

  get #sound() {
    return this.#session?.sound ?? { on: false, offered: false, volume: 1 };
  }

  get #targetS() {
    const text = this.getAttribute("latency");
    const ms = Number(text);
    return text && ms > 0 ? Math.min(MAX_LATENCY_MS, ms) / 1000 : TARGET_S;
  }

  get #maxFps() {
    const rate = Number(this.getAttribute("max-fps"));
    return rate > 0 && Number.isFinite(rate) ? rate : 0;
  }

  /** @param {boolean} wanted */
  #setControls(wanted) {
    this.#bar = wanted ? this.#controls() : null;
    this.#bar?.setSound(this.#sound);
    this.#view.setControls(this.#bar?.element ?? null);
  }

  #controls() {
    return controlBar({
      title: () => cameraTitle(this.info, this.#session?.camera ?? ""),
      toggleSound: () => (this.muted = !this.muted),
      saveSnapshot: () => this.saveSnapshot(),
      togglePictureInPicture: () => this.togglePictureInPicture(),
      toggleFullscreen: () => this.toggleFullscreen(),
    });
  }

  #tick() {
    this.#session?.update();
    if (++this.#ticks % TICKS_PER_STATS === 0) this.dispatchEvent(new CustomEvent("stats", { detail: this.stats }));
  }

  /** @param {HTMLElement} element */
  #setRoute(element) {
    // What floats is what the route before it showed.
    if (this.#floating) void document.exitPictureInPicture().catch(() => {});
    this.#view.setRoute(element);
  }

  #heard() {
    this.#activate();
    this.#bar?.setSound(this.#sound);
    this.dispatchEvent(new CustomEvent("volumechange"));
  }

  /** @param {import("./state.js").PlayerState} state */
  #show(state) {
    this.#state = state;
    this.#view.setState(state);
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }

  /**
   * @param {number} width
   * @param {number} height
   * @param {boolean} shown rather than announced
   */
  #resize(width, height, shown) {
    if (shown) this.#view.setShown();
    this.#view.setRatio(width, height);
    if (this.#ratio === width / height) return;
    this.#ratio = width / height;
    this.dispatchEvent(new CustomEvent("size"));
  }
}
