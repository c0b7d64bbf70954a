/** What a player measures of the route it takes. */
import { Counts, Meter } from "./stats.js";

/**
 * @typedef {object} Stats
 * @property {string} route
 * @property {string} why it was chosen
 * @property {string} stream
 * @property {string} codec
 * @property {string} codecString RFC 6381; empty if it is not known
 * @property {number} width of the picture that is shown, pixels; 0 before the first
 * @property {number} height
 * @property {number | null} receivedFps null if the route cannot know
 * @property {number | null} shownFps
 * @property {number | null} received pictures, since the player is in its page; null if the route cannot know
 * @property {number | null} shown
 * @property {number | null} bitsPerSecond picture and sound
 * @property {number | null} latencyMs from capture to screen, by the clocks of publisher and relay
 * @property {string} sound whether there is, and is heard
 * @property {Record<string, number>} dropped pictures, by reason
 * @property {number} stalls
 * @property {number} reconnects
 * @property {string} relay its name and version; empty if unknown
 * @property {number | null} roundTripMs to the relay
 */

export class Measures {
  #received = new Meter();
  #heard = new Meter();
  #shown = new Meter();
  #dropped = new Counts();
  /** @type {number | null} */
  #latencyMs = null;
  stalls = 0;

  /** What was measured until now is no rate of what comes. */
  restart() {
    this.#received.clear();
    this.#heard.clear();
    this.#shown.clear();
  }

  /** @param {number} lenBytes */
  received(lenBytes) {
    this.#received.add(performance.now(), lenBytes);
  }

  /** @param {number} lenBytes */
  heard(lenBytes) {
    this.#heard.add(performance.now(), lenBytes);
  }

  /** @param {number | null} latencyMs null if it cannot be known */
  shown(latencyMs) {
    this.#shown.add(performance.now());
    if (latencyMs !== null) this.#latencyMs = latencyMs;
  }

  /**
   * @param {string} reason
   * @param {number} count
   */
  dropped(reason, count) {
    this.#dropped.add(reason, count);
  }

  /**
   * @param {boolean} timed whether the route tells of every picture
   * @param {boolean} live
   */
  figures(timed, live) {
    const nowMs = performance.now();
    const received = this.#received.rates(nowMs);
    const heard = this.#heard.rates(nowMs);
    return {
      receivedFps: timed ? received.perSecond : null,
      shownFps: timed ? this.#shown.rates(nowMs).perSecond : null,
      received: timed ? this.#received.count : null,
      shown: timed ? this.#shown.count : null,
      bitsPerSecond: timed ? (received.amountPerSecond + heard.amountPerSecond) * 8 : null,
      latencyMs: live ? this.#latencyMs : null,
      dropped: this.#dropped.all(),
      stalls: this.stalls,
    };
  }
}
