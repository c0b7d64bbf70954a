/** Whether a connection carries a large stream, by how often frames had to be left out. Pure: milliseconds, monotonic. */

/** Left out so often within this time: it does not carry it. Once may be a moment's trouble. */
const TIMES = 2;
const WITHIN_MS = 20_000;
/** The large stream is tried again after this; the wait doubles each time that it was too much. */
const FIRST_REST_MS = 60_000;
const MAX_REST_MS = 16 * 60_000;

export class Slowness {
  /** @type {number[]} */
  #atMs = [];
  #untilMs = -Infinity;
  #restMs = FIRST_REST_MS;

  /** Frames were left out. @param {number} nowMs */
  behind(nowMs) {
    if (nowMs < this.#untilMs) return;
    this.#atMs = [...this.#atMs.filter((atMs) => nowMs - atMs < WITHIN_MS), nowMs];
    if (this.#atMs.length < TIMES) return;
    // What held for long after the last time was a good connection.
    if (nowMs - this.#untilMs > this.#restMs) this.#restMs = FIRST_REST_MS;
    this.#untilMs = nowMs + this.#restMs;
    this.#restMs = Math.min(MAX_REST_MS, this.#restMs * 2);
    this.#atMs = [];
  }

  /** @param {number} nowMs */
  slow(nowMs) {
    return nowMs < this.#untilMs;
  }
}
