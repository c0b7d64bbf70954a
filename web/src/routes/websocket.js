/**
 * JPEG over the WebSocket that all players of a relay share.
 *
 * @typedef {import("./route.js").Route} Route
 */
import { Painter } from "./painter.js";

/** @implements {Route} */
export class WebSocketRoute {
  words = "JPEG over WebSocket";
  timed = true;
  fps = 0;
  #painter;
  #source;
  #events;
  #connect;
  #maxFps;
  /** @type {ReturnType<import("../connection/connection.js").Connection["watch"]> | null} */
  #watch = null;

  /**
   * @param {import("./route.js").RouteSource} source
   * @param {import("./route.js").RouteEvents} events
   * @param {(wish: import("../connection/interest.js").Wish) => import("../connection/connection.js").Connection} connect
   */
  constructor(source, events, connect) {
    this.#source = source;
    this.#events = events;
    this.#connect = connect;
    this.#maxFps = source.maxFps;
    this.#painter = new Painter(events);
    this.element = this.#painter.element;
  }

  start() {
    if (this.#watch) return;
    const { camera, stream } = this.#source;
    const wish = { camera, stream, maxFps: this.#maxFps };
    this.#watch = this.#connect(wish).watch(wish, {
      frame: (frame) => this.#painter.show(frame),
      skipped: (frames) => this.#events.dropped("slow connection", frames),
      refused: this.#events.refused,
      retried: this.#events.retried,
    });
  }

  stop() {
    this.#watch?.end();
    this.#watch = null;
    this.#painter.stop();
  }

  /** @param {number} maxFps */
  setMaxFps(maxFps) {
    this.#maxFps = maxFps;
    this.#watch?.setMaxFps(maxFps);
  }

  /** There is none on this route. */
  setSound() {}

  snapshot() {
    return this.#painter.snapshot();
  }
}
