/**
 * Counts what a player receives and shows. Pure: times are milliseconds by any one clock.
 */

/** What rates are measured over. */
const WINDOW_MS = 3_000;
/** At most so many events are kept; at higher rates the window is shorter. */
const MAX_EVENTS = 512;

/** How often something happens, and how much comes with it. */
export class Meter {
  /** @type {{atMs: number, amount: number}[]} */
  #events = [];
  /** How often it has happened in all. */
  count = 0;

  /**
   * @param {number} atMs
   * @param {number} [amount]
   */
  add(atMs, amount = 0) {
    this.count++;
    this.#events.push({ atMs, amount });
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
  }

  /** Begins rates anew. */
  clear() {
    this.#events = [];
  }

  /**
   * Events and amount per second, over the last seconds.
   * @param {number} nowMs
   */
  rates(nowMs) {
    while (this.#events.length > 0 && nowMs - this.#events[0].atMs > WINDOW_MS) this.#events.shift();
    const events = this.#events;
    if (events.length < 2) return { perSecond: 0, amountPerSecond: 0 };
    // From the first to the last event there are as many intervals as later events.
    const seconds = (events[events.length - 1].atMs - events[0].atMs) / 1000;
    if (seconds <= 0) return { perSecond: 0, amountPerSecond: 0 };
    let amount = 0;
    for (const event of events.slice(1)) amount += event.amount;
    return { perSecond: (events.length - 1) / seconds, amountPerSecond: amount / seconds };
  }
}

/** A count per reason. Reasons are this page's own words, so they are few. */
export class Counts {
  /** @type {Record<string, number>} */
  #counts = {};

  /**
   * @param {string} reason
   * @param {number} [count]
   */
  add(reason, count = 1) {
    this.#counts[reason] = (this.#counts[reason] ?? 0) + count;
  }

  all() {
    return { ...this.#counts };
  }
}
