/**
 * JPEG over the shared WebSocket, decoded off the main thread, one at a time: while one is decoded,
 * only the newest of those that come is kept.
 *
 * @typedef {import("./route.js").Route} Route
 * @typedef {import("./route.js").RouteEvents} RouteEvents
 * @typedef {import("../wire/messages.js").WatchFrame} WatchFrame
 */

const STREAM = "jpeg";

/** A single broken picture is only counted. */
const BROKEN_AFTER = 3;

/** @implements {Route} */
export class WebSocketRoute {
  words = "JPEG over WebSocket";
  timed = true;
  element = document.createElement("canvas");
  #context = /** @type {ImageBitmapRenderingContext} */ (this.element.getContext("bitmaprenderer"));
  #source;
  #events;
  #connection;
  #maxFps;
  /** @type {ReturnType<import("../connection/connection.js").Connection["watch"]> | null} */
  #watch = null;
  /** The newest that waits for the decoder. @type {WatchFrame | null} */
  #waiting = null;
  #decoding = false;
  #brokenInARow = 0;
  /** The picture that is shown. @type {Blob | null} */
  #shown = null;

  /**
   * @param {import("./route.js").RouteSource} source
   * @param {RouteEvents} events
   * @param {import("../connection/connection.js").Connection} connection
   */
  constructor(source, events, connection) {
    this.#source = source;
    this.#events = events;
    this.#connection = connection;
    this.#maxFps = source.maxFps;
  }

  start() {
    this.#watch ??= this.#connection.watch(
      { camera: this.#source.camera, stream: STREAM, maxFps: this.#maxFps },
      {
        frame: (frame) => this.#receive(frame),
        skipped: (frames) => this.#events.dropped("slow connection", frames),
        refused: this.#events.refused,
        retried: this.#events.retried,
      },
    );
  }

  stop() {
    this.#watch?.end();
    this.#watch = null;
    this.#waiting = null;
  }

  /** @param {number} maxFps */
  setMaxFps(maxFps) {
    this.#maxFps = maxFps;
    this.#watch?.setMaxFps(maxFps);
  }

  async snapshot() {
    if (!this.#shown) throw new Error("there is no picture yet");
    return this.#shown;
  }

  /** @param {WatchFrame} frame */
  #receive(frame) {
    this.#events.received(frame.data.length);
    if (this.#waiting) {
      this.#events.dropped("slow decoder", 1);
      this.#events.late();
    }
    this.#waiting = frame;
    if (!this.#decoding) void this.#decode();
  }

  async #decode() {
    this.#decoding = true;
    while (this.#waiting) {
      const frame = this.#waiting;
      this.#waiting = null;
      const blob = new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (frame.data)], { type: "image/jpeg" });
      try {
        const bitmap = await createImageBitmap(blob);
        if (this.#watch) this.#show(frame, blob, bitmap);
        else bitmap.close();
      } catch {
        this.#events.dropped("cannot be decoded", 1);
        if (++this.#brokenInARow === BROKEN_AFTER) this.#events.broken("the camera's pictures are damaged");
      }
    }
    this.#decoding = false;
  }

  /**
   * @param {WatchFrame} frame
   * @param {Blob} blob
   * @param {ImageBitmap} bitmap
   */
  #show(frame, blob, bitmap) {
    const { width, height } = bitmap;
    if (this.element.width !== width) this.element.width = width;
    if (this.element.height !== height) this.element.height = height;
    this.#context.transferFromImageBitmap(bitmap);
    this.#shown = blob;
    if (this.#brokenInARow >= BROKEN_AFTER) this.#events.broken(null);
    this.#brokenInARow = 0;
    const { stale, captureTimeUs, arrivalTimeUs } = frame;
    this.#events.shown({ width, height, stale, captureTimeUs, arrivalTimeUs });
  }
}
