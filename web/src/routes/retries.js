/** Whether something that broke is worth another try. Pure: times are milliseconds, monotonic. */

/** So many failures within this time: it does not work here. */
const FAILURES = 3;
const WITHIN_MS = 30_000;

export class Retries {
  /** @type {number[]} */
  #atMs = [];

  /** It broke at `nowMs`. @param {number} nowMs */
  again(nowMs) {
    this.#atMs = [...this.#atMs.filter((atMs) => nowMs - atMs < WITHIN_MS), nowMs];
    return this.#atMs.length < FAILURES;
  }
}
