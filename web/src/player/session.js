/**
 * What happens behind one player: takes a way to its camera, measures, and says in words how it is.
 */
import { connectionTo } from "../connection/shared.js";
import { retryInMs, statusOf } from "../connection/status.js";
import { createRoute } from "../routes/create.js";
import { Measures } from "./measures.js";
import { Pace } from "./pace.js";
import { Selection } from "./selection.js";
import { describe } from "./state.js";

/**
 * @typedef {import("./state.js").PlayerState} PlayerState
 * @typedef {import("./measures.js").Stats} Stats
 * @typedef {import("../routes/choose.js").Taken} Taken
 * @typedef {import("../routes/choose.js").Quality} Quality
 * @typedef {import("../routes/route.js").Sound} Sound
 *
 * @typedef {object} Listener
 * @property {(state: PlayerState) => void} state it has changed
 * @property {(element: HTMLElement) => void} route what shows the picture from now on
 * @property {(width: number, height: number, shown: boolean) => void} size of the picture, as announced or as shown
 * @property {(sound: Sound) => void} sound it has changed
 *
 * @typedef {object} Source
 * @property {string} base the relay's address, with a slash at the end
 * @property {string} camera "site/camera"
 * @property {number} maxFps of pictures; 0: all
 * @property {Quality} quality
 * @property {number} targetS how far behind the newest frame a player that buffers should be
 */

export class Session {
  #source;
  #listener;
  #connection;
  #unfollow;
  #selection;
  /** @type {(Taken & ReturnType<typeof createRoute>) | null} */
  #taken = null;
  #showable = true;
  #active = false;
  /** @type {Sound} */
  #sound = { on: false, offered: false, volume: 1 };
  /** @type {PlayerState | null} */
  #state = null;
  #startedMs = Date.now();
  /** @type {number | null} */
  #freshMs = null;
  /** @type {number | null} */
  #pausedMs = null;
  /** @type {{code: string, message: string} | null} */
  #refused = null;
  /** @type {string | null} */
  #broken = null;
  #size = { width: 0, height: 0 };
  /** Whether the size is that of a picture on the screen. */
  #visible = false;
  #measures = new Measures();
  #pace = new Pace();
  /** What the route was asked for. */
  #askedFps = 0;

  /**
   * @param {Source} source
   * @param {Listener} listener
   */
  constructor(source, listener) {
    this.#source = source;
    this.#askedFps = source.maxFps;
    this.#listener = listener;
    this.#connection = connectionTo(source.base);
    this.#unfollow = this.#connection.follow();
    this.#selection = new Selection(source.base, this.update);
    this.#connection.addEventListener("link", this.update);
    this.#connection.addEventListener("cameras", this.update);
    this.update();
  }

  get camera() {
    return this.#source.camera;
  }

  /** What the camera says of itself, if the relay has told. */
  get info() {
    return this.#connection.directory.get(this.camera);
  }

  get paused() {
    return this.#pausedMs !== null;
  }

  get sound() {
    return this.#sound;
  }

  /** @param {boolean} active whether anybody can see the picture */
  setActive(active) {
    if (active === this.#active) return;
    this.#active = active;
    this.#run();
  }

  /** @param {boolean} paused */
  setPaused(paused) {
    if (paused === this.paused) return;
    this.#pausedMs = paused ? Date.now() : null;
    this.#selection.forgive();
    this.#run();
  }

  /** @param {number} maxFps of pictures; 0: all */
  setMaxFps(maxFps) {
    this.#source = { ...this.#source, maxFps };
    this.#askRate();
  }

  /** @param {Quality} quality */
  setQuality(quality) {
    if (quality === this.#source.quality) return;
    this.#source = { ...this.#source, quality };
    this.#selection.forgive();
    this.update();
  }

  /** @param {Partial<Sound>} changes */
  setSound(changes) {
    const before = this.#sound;
    const sound = { ...before, ...changes };
    if (sound.on === before.on && sound.offered === before.offered && sound.volume === before.volume) return;
    this.#sound = sound;
    this.#taken?.route.setSound(sound);
    this.#listener.sound(sound);
    if (sound.on !== before.on) this.update();
  }

  /** The picture that is shown, as JPEG. Rejects with words. */
  snapshot() {
    return this.#taken?.route.snapshot() ?? Promise.reject(new Error("there is no picture yet"));
  }

  /** Looks at the time and says what has changed. */
  update = () => {
    const connection = this.#connection;
    // Nothing is awaited while nobody looks.
    if (!this.#active) this.#startedMs = Date.now();
    this.#choose();
    if (this.#freshMs !== null) this.#askRate();
    const { info } = this;
    const stream = this.#stream;
    if (this.#size.width === 0 && stream?.width && stream.height) this.#resize(stream.width, stream.height, false);
    const { link } = connection;
    const lastSeenMs = info?.lastSeenUs ? connection.clock.viewerUs(info.lastSeenUs) / 1000 : 0;
    const state = describe({
      nowMs: Date.now(),
      link: statusOf(link),
      retryInMs: retryInMs(link, performance.now()),
      informed: connection.informed,
      info,
      lastSeenMs,
      refused: this.#refused,
      broken: this.#broken,
      showable: this.#showable,
      timed: this.#taken?.route.timed ?? true,
      startedMs: this.#startedMs,
      freshMs: this.#freshMs,
      fps: leastOf(stream?.codec === "jpeg" ? this.#askedFps : 0, stream?.fps ?? 0, this.#taken?.route.fps ?? 0),
      pausedMs: this.#pausedMs,
    });
    const before = this.#state;
    if (before?.kind === state.kind && before.words === state.words && before.tone === state.tone) return;
    if (state.kind === "stalled" && before?.kind === "live") this.#measures.stalls++;
    this.#state = state;
    this.#listener.state(state);
  };

  /** @returns {Stats} */
  stats() {
    const { route, why = "", stream = "", codec = "", codecString = "" } = this.#taken ?? {};
    const { hello, clock, reconnects } = this.#connection;
    const { offered, on } = this.#sound;
    return {
      route: route?.words ?? "",
      why,
      stream,
      codec,
      codecString,
      ...this.#size,
      ...this.#measures.figures(route?.timed ?? false, this.#state?.kind === "live"),
      sound: !offered ? "none" : on ? "on" : "muted",
      reconnects,
      relay: hello ? `${hello.relay} ${hello.version}`.trim() : "",
      roundTripMs: clock.best ? clock.best.roundTripUs / 1000 : null,
    };
  }

  end() {
    this.#active = false;
    this.#drop();
    this.#selection.end();
    this.#connection.removeEventListener("link", this.update);
    this.#connection.removeEventListener("cameras", this.update);
    this.#unfollow();
  }

  /** The stream that is watched, as it is announced. */
  get #stream() {
    const streams = this.info?.streams ?? [];
    return streams.find(({ name }) => name === this.#taken?.stream) ?? streams.find(({ codec }) => codec !== "aac");
  }

  #askRate() {
    const fps = this.#pace.ask(performance.now(), this.#source.maxFps);
    if (fps === this.#askedFps) return;
    this.#askedFps = fps;
    this.#taken?.route.setMaxFps(fps);
  }

  /** Takes another way if there is a better one now. */
  #choose() {
    const { choice, offered } = this.#selection.choose(this.#source, this.#connection, this.#sound.on, this.#taken);
    this.setSound({ offered });
    // Until it is known, it stays with what it has.
    if (choice.kind === "wait") return;
    this.#showable = choice.kind !== "none";
    if (choice.kind === "none") return this.#drop();
    const same = this.#taken?.kind === choice.kind && this.#taken.stream === choice.stream;
    if (this.#taken && same) this.#taken = { ...this.#taken, ...choice };
    else if (this.#active || !this.#taken) this.#take(choice);
  }

  #drop() {
    this.#taken?.route.stop();
    this.#taken?.free();
    this.#taken = null;
  }

  /** @param {Taken} choice */
  #take(choice) {
    this.#drop();
    const { base, camera, targetS } = this.#source;
    const { stream, codec, codecString } = choice;
    const source = { base, camera, stream, codec, codecString, targetS, maxFps: this.#askedFps, sound: this.#sound };
    // The camera may have told its parameters since.
    const now = () => this.#taken ?? choice;
    const created = createRoute(choice.kind, source, {
      received: (lenBytes) => this.#measures.received(lenBytes),
      heard: (lenBytes) => this.#measures.heard(lenBytes),
      shown: (picture) => this.#show(picture),
      dropped: (reason, count) => this.#measures.dropped(reason, count),
      behind: () => this.#selection.behind(),
      late: () => this.#pace.lost(),
      refused: (code, message) => this.#answer({ code, message }),
      retried: () => this.#answer(null),
      muted: () => this.setSound({ on: false }),
      overloaded: () => {
        const why = "this machine is too slow for it";
        for (const kind of /** @type {const} */ (["webcodecs", "mse"])) this.#selection.failed({ ...now(), kind }, why);
        queueMicrotask(this.update);
      },
      failed: (why) => {
        this.#selection.failed(now(), why);
        // Not while the route is at work.
        queueMicrotask(this.update);
      },
      broken: (why) => {
        this.#broken = why;
        this.update();
      },
    });
    this.#taken = { ...choice, ...created };
    this.#visible = false;
    this.#broken = null;
    this.#listener.route(created.route.element);
    if (this.#active) this.#begin();
  }

  /** Starts or stops the route, as is now wanted. */
  #run() {
    this.#freshMs = null;
    this.#startedMs = Date.now();
    if (this.#active && !this.paused) {
      const before = this.#taken?.route;
      this.#choose();
      if (this.#taken?.route === before) this.#begin();
    } else this.#taken?.route.stop();
    this.update();
  }

  /** A way that replaces another while that was live is live until it is found not to be. */
  #begin() {
    this.#measures.restart();
    this.#pace.restart(performance.now());
    this.#refused = null;
    if (!this.paused) this.#taken?.route.start();
  }

  /** @param {{code: string, message: string} | null} refused */
  #answer(refused) {
    if (refused?.code === this.#refused?.code) return;
    this.#refused = refused;
    this.#startedMs = Date.now();
    this.update();
  }

  /** @param {import("../routes/route.js").Picture} picture */
  #show({ width, height, stale, captureTimeUs }) {
    const nowMs = Date.now();
    this.#pace.shown();
    this.#resize(width, height, true);
    this.#measures.shown(captureTimeUs > 0 ? this.#connection.clock.relayUs(nowMs * 1000) / 1000 - captureTimeUs / 1000 : null);
    if (stale) return;
    const first = this.#freshMs === null || this.#state?.kind !== "live";
    this.#freshMs = nowMs;
    if (first) this.update();
  }

  /**
   * @param {number} width
   * @param {number} height
   * @param {boolean} shown
   */
  #resize(width, height, shown) {
    if (this.#size.width === width && this.#size.height === height && this.#visible === shown) return;
    this.#size = { width, height };
    this.#visible = shown;
    this.#listener.size(width, height, shown);
  }
}

/** The least of some limits, of which 0 is none. @param {number[]} limits */
function leastOf(...limits) {
  const some = limits.filter((limit) => limit > 0);
  return some.length > 0 ? Math.min(...some) : 0;
}
