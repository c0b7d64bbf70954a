/**
 * What is in a decoder, and what to do with what comes out of it. Pure: times are milliseconds, monotonic.
 *
 * @typedef {object} Entry what is known of a frame
 * @property {number} timestamp microseconds, as the decoder is told
 * @property {number} putAtMs
 * @property {boolean} stale
 * @property {number} captureTimeUs
 * @property {number} arrivalTimeUs
 */

/** More frames than this still to come out: the picture is of the past, and a newer one follows within moments. */
const CATCHING_UP_FRAMES = 4;
/** Frames that come out so much faster than they were taken are caught up with. */
const CATCHING_UP_PACE = 3;
/** Even then the screen moves so often, on a machine that is slow rather than starting. */
const LEAST_EVERY_MS = 250;
/** A frame that has been in the decoder for so long: it will not catch up. */
const OVERLOADED_AFTER_MS = 3_000;
/** More are never in the decoder: a group of ten seconds at 60 frames a second. */
const MAX_FRAMES = 600;

export class Backlog {
  /** In the order of decoding. @type {Entry[]} */
  #entries = [];
  #shownAtMs = -Infinity;
  #tookAtMs = -Infinity;
  #tookCaptureUs = 0;

  get length() {
    return this.#entries.length;
  }

  /** Whether the decoder is too slow for this stream: what is in it should be given up. @param {number} nowMs */
  overloaded(nowMs) {
    const [oldest] = this.#entries;
    return this.#entries.length >= MAX_FRAMES || (oldest !== undefined && nowMs - oldest.putAtMs > OVERLOADED_AFTER_MS);
  }

  /** @param {Entry} entry */
  put(entry) {
    this.#entries.push(entry);
  }

  /**
   * Takes what is known of a frame that came out of the decoder.
   * @param {number} timestamp
   * @returns {Entry | null} null if it is none that was put in
   */
  take(timestamp) {
    const at = this.#entries.findIndex((entry) => entry.timestamp === timestamp);
    return at < 0 ? null : this.#entries.splice(at, 1)[0];
  }

  /**
   * Whether the frame that was just taken is to be shown at once: "held" if one that follows it within moments is to
   * be shown instead.
   * @param {Entry} entry
   * @param {number} nowMs
   * @returns {"shown" | "held"}
   */
  verdict({ captureTimeUs }, nowMs) {
    const tookUs = captureTimeUs - this.#tookCaptureUs;
    const hurries = tookUs > 0 && tookUs / 1000 > (nowMs - this.#tookAtMs) * CATCHING_UP_PACE;
    this.#tookAtMs = nowMs;
    this.#tookCaptureUs = captureTimeUs;
    const behind = hurries || this.#entries.length > CATCHING_UP_FRAMES;
    if (behind && nowMs - this.#shownAtMs < LEAST_EVERY_MS) return "held";
    this.#shownAtMs = nowMs;
    return "shown";
  }

  /** A stream begins: what it begins with is not shown frame by frame. @param {number} nowMs */
  begin(nowMs) {
    this.#entries = [];
    this.#shownAtMs = nowMs;
  }
}
