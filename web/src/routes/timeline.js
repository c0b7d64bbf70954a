/**
 * Where the fragments of a camera's streams go on the timeline of a `<video>`, and which picture is shown at a
 * moment of it. Pure: seconds on that timeline, microseconds by the publisher's clock.
 *
 * The picture's first fragment comes to 0. When the publisher starts anew, its time does too: what comes then follows
 * what is there. Sound keeps its place beside the picture.
 */

/** Decode times within one run only grow. This much back is another count. */
const BACK_S = 0.5;
/** Key frames that are remembered: those of the last minutes. */
const MAX_KEYS = 256;

export class Timeline {
  /** @type {bigint | null} */
  #epoch = null;
  #offsetS = 0;
  #lastS = 0;
  #captureMinusShownUs = 0;
  #staleUntilS = -1;
  /** When the last key frames are shown, in order. @type {number[]} */
  #keysS = [];

  get keysS() {
    return this.#keysS;
  }

  /**
   * The place of a fragment of the picture's stream.
   * @param {import("../wire/messages.js").WatchFrame} frame
   * @param {number} endS where what is buffered ends; 0 if nothing is
   * @returns {number} what is added to the times in the fragment
   */
  place({ epoch, mediaTimeUs, captureTimeUs, decodeTimeUs, key, stale }, endS) {
    const mediaS = mediaTimeUs / 1e6;
    if (epoch !== this.#epoch || mediaS + this.#offsetS < this.#lastS - BACK_S) {
      this.#offsetS = Math.max(endS, this.#epoch === null ? 0 : this.#lastS) - mediaS;
      this.#epoch = epoch;
    }
    this.#lastS = mediaS + this.#offsetS;
    const decodeUs = decodeTimeUs || captureTimeUs;
    const shownS = this.#lastS + (captureTimeUs - decodeUs) / 1e6;
    this.#captureMinusShownUs = captureTimeUs - shownS * 1e6;
    if (stale) this.#staleUntilS = shownS;
    if (key) this.#keysS.push(shownS);
    if (this.#keysS.length > MAX_KEYS) this.#keysS.shift();
    return this.#offsetS;
  }

  /**
   * The place of a fragment of a stream beside the picture's.
   * @param {{epoch: bigint}} frame
   * @returns {number | null} what is added to the times in the fragment; null: its picture has not come yet
   */
  beside({ epoch }) {
    return epoch === this.#epoch ? this.#offsetS : null;
  }

  /**
   * What is shown at a moment.
   * @param {number} shownS
   */
  at(shownS) {
    return { captureTimeUs: Math.round(shownS * 1e6 + this.#captureMinusShownUs), stale: shownS <= this.#staleUntilS + 0.001 };
  }
}
