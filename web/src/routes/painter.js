/**
 * Shows JPEG pictures on a canvas. They are decoded off the main thread, one at a time: while one is
 * decoded, only the newest of those that come is kept.
 */
import { decode, jpegBlob } from "./decoder.js";

/** A single broken picture is only counted. */
const BROKEN_AFTER = 3;

/**
 * @typedef {object} Encoded
 * @property {Uint8Array} data JPEG
 * @property {boolean} stale
 * @property {number} captureTimeUs
 * @property {number} arrivalTimeUs
 */

export class Painter {
  element = document.createElement("canvas");
  #context = /** @type {ImageBitmapRenderingContext} */ (this.element.getContext("bitmaprenderer"));
  #events;
  /** The newest that waits for the decoder. @type {Encoded | null} */
  #waiting = null;
  #decoding = false;
  /** Grows with every stop: what was decoded for an earlier run is not shown. */
  #run = 0;
  #brokenInARow = 0;
  /** The picture that is shown. @type {Uint8Array | null} */
  #shown = null;

  /** @param {import("./route.js").RouteEvents} events */
  constructor(events) {
    this.#events = events;
  }

  /** Shows `picture` unless a newer one comes first. @param {Encoded} picture */
  show(picture) {
    this.#events.received(picture.data.length);
    if (this.#waiting) {
      this.#events.dropped("slow decoder", 1);
      this.#events.late();
    }
    this.#waiting = picture;
    if (!this.#decoding) void this.#decode();
  }

  /** Keeps what is shown now. */
  stop() {
    this.#run++;
    this.#waiting = null;
  }

  async snapshot() {
    if (!this.#shown) throw new Error("there is no picture yet");
    return jpegBlob(this.#shown);
  }

  async #decode() {
    this.#decoding = true;
    while (this.#waiting) {
      const run = this.#run;
      const picture = this.#waiting;
      this.#waiting = null;
      try {
        const bitmap = await decode(picture.data);
        if (run === this.#run) this.#paint(picture, bitmap);
        else bitmap.close();
      } catch {
        this.#events.dropped("cannot be decoded", 1);
        if (++this.#brokenInARow === BROKEN_AFTER) this.#events.broken("the camera's pictures are damaged");
      }
    }
    this.#decoding = false;
  }

  /**
   * @param {Encoded} picture
   * @param {ImageBitmap} bitmap
   */
  #paint({ data, stale, captureTimeUs, arrivalTimeUs }, bitmap) {
    const { width, height } = bitmap;
    if (this.element.width !== width) this.element.width = width;
    if (this.element.height !== height) this.element.height = height;
    this.#context.transferFromImageBitmap(bitmap);
    this.#shown = data;
    if (this.#brokenInARow >= BROKEN_AFTER) this.#events.broken(null);
    this.#brokenInARow = 0;
    this.#events.shown({ width, height, stale, captureTimeUs, arrivalTimeUs });
  }
}
