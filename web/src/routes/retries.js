/** Whether something that broke is worth another try. Pure: times are milliseconds, monotonic. */

/** Failures further apart have nothing to do with each other. */
const WITHIN_MS = 30_000;

export class Retries {
  #most;
  /** @type {number[]} */
  #atMs = [];

  /** @param {number} most failures within half a minute: then it does not work here */
  constructor(most) {
    this.#most = most;
  }

  /** It broke at `nowMs`. @param {number} nowMs */
  again(nowMs) {
    this.#atMs = [...this.#atMs.filter((atMs) => nowMs - atMs < WITHIN_MS), nowMs];
    return this.#atMs.length < this.#most;
  }
}
