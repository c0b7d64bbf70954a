/**
 * Lets those frames of an ordered stream through that can be decoded: a whole group, from its key frame on. What
 * comes after a loss would smear, so it is held back until the next key frame. Pure.
 */
export class Gate {
  #open = false;
  #epoch = 0n;
  #sequence = 0;

  /** The decoder knows nothing of what came before: only a key frame helps. */
  close() {
    this.#open = false;
  }

  /**
   * Whether a frame can be decoded after those that were let through.
   * @param {{epoch: bigint, sequence: number, key: boolean}} frame
   */
  admits({ epoch, sequence, key }) {
    const follows = this.#open && epoch === this.#epoch && sequence === this.#sequence + 1;
    this.#open = key || follows;
    this.#epoch = epoch;
    this.#sequence = sequence;
    return this.#open;
  }
}
