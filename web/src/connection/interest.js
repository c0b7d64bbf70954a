/**
 * Which streams one connection must be subscribed to, given what each player on the page asks for. Pure.
 *
 * Players of the same stream share one subscription at the highest rate that any of them wants.
 */

/**
 * @typedef {object} Wish
 * @property {string} camera "site/camera"
 * @property {string} stream
 * @property {number} maxFps 0: all frames
 *
 * @typedef {{type: "subscribe", camera: string, stream: string, maxFps: number}
 *   | {type: "unsubscribe", camera: string, stream: string}} Change what the relay must be told
 */

/** @param {{camera: string, stream: string}} of */
export const streamKey = (of) => `${of.camera}/${of.stream}`;

export class Interest {
  /** @type {Map<string, Map<object, Wish>>} by stream, then by who asks */
  #wishes = new Map();

  /**
   * Sets what `who` asks for. Someone asks for one stream at a time: withdraw first to change it.
   * @param {object} who
   * @param {Wish} wish
   * @returns {Change | null}
   */
  ask(who, wish) {
    const key = streamKey(wish);
    const before = this.#maxFps(key);
    const wishes = this.#wishes.get(key) ?? new Map();
    this.#wishes.set(key, wishes.set(who, wish));
    const maxFps = this.#maxFps(key) ?? 0;
    if (maxFps === before) return null;
    return { type: "subscribe", camera: wish.camera, stream: wish.stream, maxFps };
  }

  /**
   * @param {object} who
   * @param {Wish} wish
   * @returns {Change | null}
   */
  withdraw(who, wish) {
    const key = streamKey(wish);
    const { camera, stream } = wish;
    const before = this.#maxFps(key);
    if (!this.#wishes.get(key)?.delete(who)) return null;
    const maxFps = this.#maxFps(key);
    if (maxFps === before) return null;
    if (maxFps !== undefined) return { type: "subscribe", camera, stream, maxFps };
    this.#wishes.delete(key);
    return { type: "unsubscribe", camera, stream };
  }

  /** Everything that a new connection must be told. @returns {Change[]} */
  all() {
    return [...this.#wishes].map(([key, wishes]) => {
      const [{ camera, stream }] = wishes.values();
      return { type: "subscribe", camera, stream, maxFps: this.#maxFps(key) ?? 0 };
    });
  }

  /**
   * Those who asked for this stream.
   * @param {string} key
   */
  who(key) {
    return this.#wishes.get(key)?.keys() ?? [];
  }

  /**
   * @param {string} key
   * @returns {number | undefined} undefined if nobody asks
   */
  #maxFps(key) {
    const wishes = this.#wishes.get(key);
    if (!wishes?.size) return undefined;
    const rates = [...wishes.values()].map((wish) => wish.maxFps);
    return rates.includes(0) ? 0 : Math.max(...rates);
  }
}
