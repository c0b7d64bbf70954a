/**
 * Multipart JPEG in an `<img>`, for where WebSockets do not get through.
 *
 * An `<img>` does not tell when a picture came, nor that the stream has ended. It costs one of the six
 * connections that browsers allow to a host without HTTP/2.
 *
 * @typedef {import("./route.js").Route} Route
 */
import { fetchSnapshot, keep, pictureUrl, stack } from "./http.js";

/** The wait after an `<img>` has failed. */
const RETRY_MS = 2_000;

/** @implements {Route} */
export class MultipartRoute {
  words = "multipart JPEG";
  timed = false;
  #image = new Image();
  #last = document.createElement("canvas");
  element = stack(this.#last, this.#image);
  #source;
  #events;
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
    this.#events = events;
    this.#maxFps = source.maxFps;
    this.#image.alt = "";
    this.#image.hidden = true;
    this.#image.onload = () => {
      this.#image.hidden = false;
      const { naturalWidth: width, naturalHeight: height } = this.#image;
      this.#events.shown({ width, height, stale: false, captureTimeUs: 0, arrivalTimeUs: 0 });
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
    keep(this.#last, this.#image);
    // Without a source the browser closes the connection.
    this.#image.removeAttribute("src");
    this.#image.hidden = true;
  }

  /** @param {number} maxFps */
  setMaxFps(maxFps) {
    if (maxFps === this.#maxFps) return;
    this.#maxFps = maxFps;
    if (!this.#running) return;
    keep(this.#last, this.#image);
    this.#open();
  }

  snapshot() {
    return fetchSnapshot(this.#source);
  }

  #open() {
    if (!this.#running) return;
    /** @type {Record<string, string>} */
    const parameters = { advance_headers: "1" };
    if (this.#maxFps > 0) parameters.fps = String(this.#maxFps);
    this.#image.src = pictureUrl(this.#source, "stream.mjpeg", parameters);
  }
}
