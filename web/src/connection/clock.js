/**
 * The relay's clock against this machine's, from pings. Pure.
 *
 * The answer that came back fastest says most: half of its way is the error at most.
 */

/** Answers that are remembered; older ones are forgotten, so that a clock that is set is noticed. */
const ANSWERS = 8;

/** @typedef {{offsetUs: number, roundTripUs: number}} Answer */

export class RelayClock {
  /** @type {Answer[]} */
  #answers = [];

  /**
   * @param {number} sentUs by this machine's clock
   * @param {number} relayUs when the relay answered, by its clock
   * @param {number} receivedUs by this machine's clock
   */
  answer(sentUs, relayUs, receivedUs) {
    const roundTripUs = receivedUs - sentUs;
    // This machine's clock was set while the ping was under way.
    if (roundTripUs < 0) return;
    this.#answers.push({ offsetUs: relayUs - (sentUs + receivedUs) / 2, roundTripUs });
    if (this.#answers.length > ANSWERS) this.#answers.shift();
  }

  /** @returns {Answer | null} the best answer; null before the first */
  get best() {
    return this.#answers.reduce(
      (/** @type {Answer | null} */ best, answer) =>
        best && best.roundTripUs <= answer.roundTripUs ? best : answer,
      null,
    );
  }

  /**
   * The relay's time at `viewerUs` by this machine's clock; the same while nothing is known.
   * @param {number} viewerUs
   */
  relayUs(viewerUs) {
    return viewerUs + (this.best?.offsetUs ?? 0);
  }

  /**
   * @param {number} relayUs
   */
  viewerUs(relayUs) {
    return relayUs - (this.best?.offsetUs ?? 0);
  }
}
