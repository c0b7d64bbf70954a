/**
 * One picture a second by HTTP, for tiles that find all connections for streams taken.
 *
 * @typedef {import("./route.js").Route} Route
 */
import { PASSING, pause, pictureTimes, pictureUrl, refusal } from "./http.js";
import { Painter } from "./painter.js";

const EVERY_MS = 1_000;

/** @implements {Route} */
export class SnapshotsRoute {
  words = "JPEG snapshots, one a second";
  timed = true;
  fps = 1000 / EVERY_MS;
  #painter;
  #source;
  #events;
  /** @type {AbortController | null} */
  #running = null;

  /**
   * @param {import("./route.js").RouteSource} source
   * @param {import("./route.js").RouteEvents} events
   */
  constructor(source, events) {
    this.#source = source;
    this.#events = events;
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

  /** It is slower than any limit. */
  setMaxFps() {}

  /** There is none on this route. */
  setSound() {}

  snapshot() {
    return this.#painter.snapshot();
  }

  /** @param {AbortSignal} signal */
  async #run(signal) {
    let lastUs = -1;
    while (!signal.aborted) {
      const began = performance.now();
      try {
        lastUs = await this.#once(signal, lastUs);
      } catch {
        // Not reachable just now: the next one may be.
      }
      await pause(EVERY_MS - (performance.now() - began), signal);
    }
  }

  /**
   * @param {AbortSignal} signal
   * @param {number} lastUs when the picture that is shown was taken
   */
  async #once(signal, lastUs) {
    const answer = await fetch(pictureUrl(this.#source, "snapshot.jpg"), { cache: "no-store", signal });
    if (!answer.ok) {
      const { code, message } = await refusal(answer);
      if (!PASSING.includes(code)) this.#events.refused(code, message);
      return lastUs;
    }
    this.#events.retried();
    const times = pictureTimes((name) => answer.headers.get(name));
    // Of another origin's relay the headers may be hidden: then every picture counts as a new one.
    const repeated = times.captureTimeUs > 0 && times.captureTimeUs === lastUs;
    if (!repeated) this.#painter.show({ data: new Uint8Array(await answer.arrayBuffer()), ...times });
    return times.captureTimeUs;
  }
}
