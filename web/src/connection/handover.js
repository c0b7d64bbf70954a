/**
 * The way from a relay that leaves to the next one, while both send: each stream changes over with the first frame that
 * only the next one has. Pure.
 */
export class Handover {
  /** Streams that come from the next relay. At most as many as are watched. */
  #taken = new Set();
  /** Whether the next relay has said which cameras there are. */
  informed = false;

  /** The next relay was the first to have something new. @param {string} stream */
  take(stream) {
    this.#taken.add(stream);
  }

  /** @param {string} stream */
  has(stream) {
    return this.#taken.has(stream);
  }

  /**
   * Whether the relay that leaves is needed no more.
   * @param {string[]} flowing the streams whose frames come now, from whichever relay
   */
  isDone(flowing) {
    return this.informed && flowing.every((stream) => this.#taken.has(stream));
  }
}
