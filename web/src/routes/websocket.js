/**
 * JPEG over the WebSocket that all players of a relay share.
 *
 * @typedef {import("./route.js").Route} Route
 */
import { Painter } from "./painter.js";

const STREAM = "jpeg";

/** @implements {Route} */
export class WebSocketRoute {
  words = "JPEG over WebSocket";
  timed = true;
  fps = 0;
  #painter;
  #source;
  #events;
  #connection;
  #maxFps;
  /** @type {ReturnType<import("../connection/connection.js").Connection["watch"]> | null} */
  #watch = null;

  /**
   * @param {import("./route.js").RouteSource} source
   * @param {import("./route.js").RouteEvents} events
   * @param {import("../connection/connection.js").Connection} connection
   */
  constructor(source, events, connection) {
    this.#source = source;
    this.#events = events;
    this.#connection = connection;
    this.#maxFps = source.maxFps;
    this.#painter = new Painter(events);
    this.element = this.#painter.element;
  }

  start() {
    this.#watch ??= this.#connection.watch(
      { camera: this.#source.camera, stream: STREAM, maxFps: this.#maxFps },
      {
        frame: (frame) => this.#painter.show(frame),
        skipped: (frames) => this.#events.dropped("slow connection", frames),
        refused: this.#events.refused,
        retried: this.#events.retried,
      },
    );
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

  snapshot() {
    return this.#painter.snapshot();
  }
}
