/**
 * What happens behind one player: takes a route to its camera, measures, and says in words how it is.
 */
import { connectionTo } from "../connection/shared.js";
import { retryInMs, statusOf } from "../connection/status.js";
import { createRoute } from "../routes/create.js";
import { Pace } from "./pace.js";
import { describe } from "./state.js";
import { Counts, Meter } from "./stats.js";

/**
 * @typedef {import("./state.js").PlayerState} PlayerState
 *
 * @typedef {object} Stats
 * @property {string} route
 * @property {string} why it was chosen
 * @property {string} codec
 * @property {number} width of the picture that is shown, pixels; 0 before the first
 * @property {number} height
 * @property {number | null} receivedFps null if the route cannot know
 * @property {number | null} shownFps
 * @property {number | null} bitsPerSecond
 * @property {number | null} latencyMs from capture to screen, by the clocks of publisher and relay
 * @property {Record<string, number>} dropped pictures, by reason
 * @property {number} stalls
 * @property {number} reconnects
 * @property {string} relay its name and version; empty if unknown
 * @property {number | null} roundTripMs to the relay
 *
 * @typedef {object} Listener
 * @property {(state: PlayerState) => void} state it has changed
 * @property {(element: HTMLElement) => void} route what shows the picture from now on
 * @property {(width: number, height: number, shown: boolean) => void} size of the picture, as announced or as shown
 */

export class Session {
  #listener;
  #connection;
  #unfollow;
  #maxFps;
  /** @type {ReturnType<typeof createRoute> | null} */
  #taken = null;
  #active = false;
  /** @type {import("../routes/choose.js").Reach} */
  #reach = "everything";
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
  /** @type {number | null} */
  #latencyMs = null;
  #received = new Meter();
  #shown = new Meter();
  #dropped = new Counts();
  #stalls = 0;
  #pace = new Pace();
  /** What the route was asked for. */
  #askedFps = 0;

  /**
   * @param {{base: string, camera: string, maxFps: number}} source
   * @param {Listener} listener
   */
  constructor({ base, camera, maxFps }, listener) {
    this.base = base;
    this.camera = camera;
    this.#maxFps = this.#askedFps = maxFps;
    this.#listener = listener;
    this.#connection = connectionTo(base);
    this.#unfollow = this.#connection.follow();
    this.#connection.addEventListener("link", this.#changed);
    this.#connection.addEventListener("cameras", this.#changed);
    this.#takeRoute();
    this.update();
  }

  /** What the camera says of itself, if the relay has told. */
  get info() {
    return this.#connection.directory.get(this.camera);
  }

  get paused() {
    return this.#pausedMs !== null;
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
    this.#run();
  }

  /** @param {number} maxFps 0: all frames */
  setMaxFps(maxFps) {
    this.#maxFps = maxFps;
    this.#askRate();
  }

  /** The picture that is shown, as JPEG. Rejects with words. */
  snapshot() {
    return this.#taken?.route.snapshot() ?? Promise.reject(new Error("there is no picture yet"));
  }

  /**
   * What gets through to this page. While that is not known, it stays with what did before.
   * @param {import("../connection/status.js").Status} status
   */
  #reachNow(status) {
    if (status === "open") return "everything";
    const { readable } = this.#connection;
    if (status !== "blocked" || readable === null) return this.#reach;
    return readable ? "http" : "images";
  }

  /** Looks at the time and says what has changed. */
  update() {
    const connection = this.#connection;
    // Nothing is awaited while nobody looks.
    if (!this.#active) this.#startedMs = Date.now();
    const link = connection.link;
    const status = statusOf(link);
    const reach = this.#reachNow(status);
    if (reach !== this.#reach) {
      this.#reach = reach;
      this.#takeRoute();
    }
    if (this.#freshMs !== null) this.#askRate();
    const { info } = this;
    const stream = this.#stream;
    if (this.#size.width === 0 && stream?.width && stream.height) this.#resize(stream.width, stream.height, false);
    const lastSeenMs = info?.lastSeenUs ? connection.clock.viewerUs(info.lastSeenUs) / 1000 : 0;
    const state = describe({
      nowMs: Date.now(),
      link: status,
      retryInMs: retryInMs(link, performance.now()),
      informed: connection.informed,
      info,
      lastSeenMs,
      refused: this.#refused,
      broken: this.#broken,
      timed: this.#taken?.route.timed ?? true,
      startedMs: this.#startedMs,
      freshMs: this.#freshMs,
      fps: leastOf(this.#askedFps, stream?.fps ?? 0, this.#taken?.route.fps ?? 0),
      pausedMs: this.#pausedMs,
    });
    const before = this.#state;
    if (before?.kind === state.kind && before.words === state.words && before.tone === state.tone) return;
    if (state.kind === "stalled" && before?.kind === "live") this.#stalls++;
    this.#state = state;
    this.#listener.state(state);
  }

  /** @returns {Stats} */
  stats() {
    const { route, why } = this.#taken ?? { route: null, why: "" };
    const timed = route?.timed ?? false;
    const nowMs = performance.now();
    const received = this.#received.rates(nowMs);
    const { hello, clock, reconnects } = this.#connection;
    return {
      route: route?.words ?? "",
      why,
      codec: "jpeg",
      ...this.#size,
      receivedFps: timed ? received.perSecond : null,
      shownFps: timed ? this.#shown.rates(nowMs).perSecond : null,
      bitsPerSecond: timed ? received.amountPerSecond * 8 : null,
      latencyMs: this.#state?.kind === "live" ? this.#latencyMs : null,
      dropped: this.#dropped.all(),
      stalls: this.#stalls,
      reconnects,
      relay: hello ? `${hello.relay} ${hello.version}`.trim() : "",
      roundTripMs: clock.best ? clock.best.roundTripUs / 1000 : null,
    };
  }

  end() {
    this.#active = false;
    this.#run();
    this.#taken?.free();
    this.#taken = null;
    this.#connection.removeEventListener("link", this.#changed);
    this.#connection.removeEventListener("cameras", this.#changed);
    this.#unfollow();
  }

  #askRate() {
    const fps = this.#pace.ask(performance.now(), this.#maxFps);
    if (fps === this.#askedFps) return;
    this.#askedFps = fps;
    this.#taken?.route.setMaxFps(fps);
  }

  #changed = () => this.update();

  get #stream() {
    return this.info?.streams.find((stream) => stream.codec === "jpeg");
  }

  #takeRoute() {
    this.#taken?.route.stop();
    this.#taken?.free();
    const source = { base: this.base, camera: this.camera, maxFps: this.#askedFps };
    this.#taken = createRoute(source, this.#reach, {
      received: (lenBytes) => this.#received.add(performance.now(), lenBytes),
      shown: (picture) => this.#show(picture),
      dropped: (reason, count) => this.#dropped.add(reason, count),
      late: () => this.#pace.lost(),
      refused: (code, message) => this.#answer({ code, message }),
      retried: () => this.#answer(null),
      broken: (why) => {
        this.#broken = why;
        this.update();
      },
    });
    this.#visible = false;
    this.#listener.route(this.#taken.route.element);
    this.#run();
  }

  /** Starts or stops the route, as is now wanted. */
  #run() {
    const route = this.#taken?.route;
    this.#freshMs = null;
    this.#startedMs = Date.now();
    this.#received.clear();
    this.#shown.clear();
    this.#pace.restart(performance.now());
    if (this.#active && !this.paused) {
      this.#refused = null;
      route?.start();
    } else route?.stop();
    this.update();
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
    this.#shown.add(performance.now());
    this.#pace.shown();
    this.#resize(width, height, true);
    if (captureTimeUs > 0) this.#latencyMs = this.#connection.clock.relayUs(nowMs * 1000) / 1000 - captureTimeUs / 1000;
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
