/**
 * Which streams one connection must be subscribed to, given what each player on the page asks for. Pure.
 *
 * Players of the same stream share one subscription at the highest rate that any of them wants, and in one form:
 * a connection carries a stream in one form at a time.
 */

/**
 * @typedef {import("../wire/messages.js").Form} Form
 *
 * @typedef {object} Wish
 * @property {string} camera "site/camera"
 * @property {string} stream
 * @property {number} maxFps 0: all frames
 * @property {Form} [form] "frame" by default
 *
 * @typedef {{type: "subscribe", camera: string, stream: string, maxFps: number, form: Form}
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
    if (!this.carries(wish)) throw new Error(`${streamKey(wish)} is watched in another form`);
    const key = streamKey(wish);
    const before = this.#maxFps(key);
    const wishes = this.#wishes.get(key) ?? new Map();
    this.#wishes.set(key, wishes.set(who, wish));
    if (this.#maxFps(key) === before) return null;
    return this.#subscribe(key);
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
    if (maxFps !== undefined) return this.#subscribe(key);
    this.#wishes.delete(key);
    return { type: "unsubscribe", camera, stream };
  }

  /** Everything that a new connection must be told. @returns {Change[]} */
  all() {
    return [...this.#wishes.keys()].map((key) => this.#subscribe(key));
  }

  /** Whether nobody asks for this stream in another form. @param {Wish} wish */
  carries(wish) {
    const [other] = this.#wishes.get(streamKey(wish))?.values() ?? [];
    return !other || formOf(other) === formOf(wish);
  }

  /**
   * Those who asked for this stream.
   * @param {string} key
   */
  who(key) {
    return this.#wishes.get(key)?.keys() ?? [];
  }

  /** @param {string} key of a stream that somebody asks for @returns {Change} */
  #subscribe(key) {
    const [wish] = /** @type {Map<object, Wish>} */ (this.#wishes.get(key)).values();
    const { camera, stream } = wish;
    return { type: "subscribe", camera, stream, maxFps: this.#maxFps(key) ?? 0, form: formOf(wish) };
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

/** @param {Wish} wish @returns {Form} */
const formOf = (wish) => wish.form ?? "frame";
