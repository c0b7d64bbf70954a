/**
 * One picture a second by HTTP, for tiles that find all connections for streams taken.
 *
 * @typedef {import("./route.js").Route} Route
 */
import { fetchSnapshot, keep, pictureUrl } from "./http.js";

const EVERY_MS = 1_000;

/** @implements {Route} */
export class SnapshotsRoute {
  words = "JPEG snapshots, one a second";
  timed = false;
  element = document.createElement("canvas");
  #source;
  #events;
  /** Grows with every start, so that the loop of an earlier one ends. */
  #run = 0;

  /**
   * @param {import("./route.js").RouteSource} source
   * @param {import("./route.js").RouteEvents} events
   */
  constructor(source, events) {
    this.#source = source;
    this.#events = events;
  }

  start() {
    void this.#poll(++this.#run);
  }

  stop() {
    this.#run++;
  }

  /** It is slower than any limit. */
  setMaxFps() {}

  snapshot() {
    return fetchSnapshot(this.#source);
  }

  /** @param {number} run */
  async #poll(run) {
    while (run === this.#run) {
      const began = performance.now();
      const image = new Image();
      image.src = pictureUrl(this.#source, "snapshot.jpg", { t: String(Date.now()) });
      const shown = await image.decode().then(
        () => true,
        () => false,
      );
      if (run !== this.#run) return;
      if (shown) {
        keep(this.element, image);
        const { width, height } = this.element;
        this.#events.shown({ width, height, stale: false, captureTimeUs: 0, arrivalTimeUs: 0 });
      }
      const wait = Math.max(0, EVERY_MS - (performance.now() - began));
      await new Promise((done) => setTimeout(done, wait));
    }
  }
}
