/**
 * Multipart JPEG in an `<img>`: the only pictures that a page may show of a relay that does not allow its
 * origin. The page cannot tell when they were taken, nor that the stream has ended.
 *
 * @typedef {import("./route.js").Route} Route
 */
import { pictureUrl } from "./http.js";

/** The wait after an `<img>` has failed. */
const RETRY_MS = 2_000;

/** @implements {Route} */
export class ImageRoute {
  words = "multipart JPEG in an image";
  timed = false;
  fps = 0;
  #image = new Image();
  #last = document.createElement("canvas");
  element = document.createElement("div");
  #source;
  #maxFps;
  #running = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;

  /**
   * @param {import("./route.js").RouteSource} source
   * @param {import("./route.js").RouteEvents} events
   */
  constructor(source, events) {
    this.#source = source;
    this.#maxFps = source.maxFps;
    this.element.className = "stack";
    this.element.append(this.#last, this.#image);
    this.#image.alt = "";
    this.#image.hidden = true;
    this.#image.onload = () => {
      this.#image.hidden = false;
      const { naturalWidth: width, naturalHeight: height } = this.#image;
      events.shown({ width, height, stale: false, captureTimeUs: 0, arrivalTimeUs: 0 });
    };
    this.#image.onerror = () => {
      this.#image.hidden = true;
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#open(), RETRY_MS);
    };
  }

  start() {
    this.#running = true;
    this.#open();
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#retry);
    this.#keep();
    // Without a source the browser closes the connection.
    this.#image.removeAttribute("src");
    this.#image.hidden = true;
  }

  /** @param {number} maxFps */
  setMaxFps(maxFps) {
    if (maxFps === this.#maxFps) return;
    this.#maxFps = maxFps;
    this.#open();
  }

  /** There is none on this route. */
  setSound() {}

  /** @returns {Promise<Blob>} */
  snapshot() {
    return Promise.reject(new Error("the relay does not let this page read its pictures"));
  }

  #open() {
    if (!this.#running) return;
    this.#keep();
    /** @type {Record<string, string>} */
    const parameters = { advance_headers: "1" };
    if (this.#maxFps > 0) parameters.fps = String(this.#maxFps);
    this.#image.src = pictureUrl(this.#source, "stream.mjpeg", parameters);
  }

  /** Draws the picture below the image, so that it stays when the image has none. */
  #keep() {
    const { naturalWidth: width, naturalHeight: height } = this.#image;
    if (width === 0 || height === 0) return;
    if (this.#last.width !== width) this.#last.width = width;
    if (this.#last.height !== height) this.#last.height = height;
    this.#last.getContext("2d")?.drawImage(this.#image, 0, 0);
  }
}
