/**
 * Keeps the pictures of each stream in order, whichever relay they come from: another one may be some frames behind, or
 * begin with what it has in memory. Pure: times are milliseconds, monotonic.
 */

/**
 * So long without anything newer, and a lower epoch takes over: epochs are times by the publisher's clock, which may
 * have been set back. Relays have the same rule and wait for 1.5 s: what they then take must not come too early here.
 */
const LOWER_EPOCH_AFTER_MS = 1_250;
/** A stream without a frame for longer does not flow. */
const FLOWS_MS = 2_000;

/**
 * @typedef {object} Numbered
 * @property {bigint} epoch
 * @property {number} sequence
 * @property {boolean} stale
 */

export class Forward {
  /** The newest frame of each stream, and when it came. At most as many as are watched. @type {Map<string, {epoch: bigint, sequence: number, atMs: number}>} */
  #newest = new Map();

  /**
   * Whether a frame is newer than all that were admitted before it.
   * @param {string} stream
   * @param {Numbered} frame
   * @param {number} nowMs
   */
  admits(stream, { epoch, sequence, stale }, nowMs) {
    const newest = this.#newest.get(stream);
    if (!newest) {
      this.#newest.set(stream, { epoch, sequence, atMs: nowMs });
      return true;
    }
    const newer = epoch === newest.epoch ? sequence > newest.sequence : epoch > newest.epoch;
    const takesOver = epoch < newest.epoch && !stale && nowMs - newest.atMs >= LOWER_EPOCH_AFTER_MS;
    if (!newer && !takesOver) return false;
    newest.epoch = epoch;
    newest.sequence = sequence;
    newest.atMs = nowMs;
    return true;
  }

  /** Whether frames of a stream come. @param {string} stream @param {number} nowMs */
  flows(stream, nowMs) {
    const newest = this.#newest.get(stream);
    return newest !== undefined && nowMs - newest.atMs < FLOWS_MS;
  }

  /** Nobody watches it any more: what comes next is the first. @param {string} stream */
  forget(stream) {
    this.#newest.delete(stream);
  }
}
