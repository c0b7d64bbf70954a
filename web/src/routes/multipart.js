/**
 * Multipart JPEG, for where WebSockets do not get through. Read by script rather than by an `<img>`,
 * which could not tell when a picture was taken, nor that the stream has ended.
 *
 * It costs one of the six connections that browsers allow to a host without HTTP/2.
 *
 * @typedef {import("./route.js").Route} Route
 */
import { PASSING, pause, pictureTimes, pictureUrl, refusal } from "./http.js";
import { Painter } from "./painter.js";
import { PartReader } from "./parts.js";

/** The wait after a stream has ended. */
const RETRY_MS = 1_000;

/** @implements {Route} */
export class MultipartRoute {
  words = "multipart JPEG";
  timed = true;
  fps = 0;
  #painter;
  #source;
  #events;
  #maxFps;
  /** @type {AbortController | null} */
  #running = null;

  /**
   * @param {import("./route.js").RouteSource} source
   * @param {import("./route.js").RouteEvents} events
   */
  constructor(source, events) {
    this.#source = source;
    this.#events = events;
    this.#maxFps = source.maxFps;
    this.#painter = new Painter(events);
    this.element = this.#painter.element;
  }

  start() {
    if (this.#running) return;
    this.#running = new AbortController();
    void this.#run(this.#running.signal);
  }

  stop() {
    this.#running?.abort();
    this.#running = null;
    this.#painter.stop();
  }

  /** @param {number} maxFps */
  setMaxFps(maxFps) {
    if (maxFps === this.#maxFps) return;
    this.#maxFps = maxFps;
    if (!this.#running) return;
    this.#running.abort();
    this.#running = null;
    this.start();
  }

  /** There is none on this route. */
  setSound() {}

  snapshot() {
    return this.#painter.snapshot();
  }

  /** @param {AbortSignal} signal */
  async #run(signal) {
    while (!signal.aborted) {
      try {
        await this.#stream(signal);
      } catch {
        // The connection was cut, or what came is no such stream: it is opened anew.
      }
      await pause(RETRY_MS, signal);
    }
  }

  /** @param {AbortSignal} signal */
  async #stream(signal) {
    const parameters = this.#maxFps > 0 ? { fps: String(this.#maxFps) } : undefined;
    const answer = await fetch(pictureUrl(this.#source, "stream.mjpeg", parameters), { cache: "no-store", signal });
    if (!answer.ok || !answer.body) {
      const { code, message } = await refusal(answer);
      if (!PASSING.includes(code)) this.#events.refused(code, message);
      return;
    }
    this.#events.retried();
    const parts = new PartReader();
    const reader = answer.body.getReader();
    let lastUs = -1;
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      for (const { headers, data } of parts.push(value)) {
        const times = pictureTimes((name) => headers.get(name));
        // Without a new picture the relay repeats the last one.
        if (times.captureTimeUs === lastUs) continue;
        lastUs = times.captureTimeUs;
        this.#painter.show({ data, ...times });
      }
    }
  }
}
