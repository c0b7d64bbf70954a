/**
 * Tells when to ping and when a connection is dead. Pure: times are milliseconds, monotonic.
 *
 * Only an unanswered ping counts as silence: a page in the background has slow timers, and sends few.
 */

/** How often a ping is sent. */
const PING_EVERY_MS = 2_000;
/** A ping without an answer, and without any other message, for this long: the connection is dead. */
const SILENT_AFTER_MS = 4_000;

export class Heartbeat {
  #pingedAtMs = -Infinity;
  /** When the oldest ping since the last sign of life was sent. @type {number | null} */
  #unansweredSinceMs = null;

  /** A message came. */
  heard() {
    this.#unansweredSinceMs = null;
  }

  /**
   * @param {number} nowMs
   * @param {boolean} [urgent] ping now: the page was asleep
   * @returns {"ping" | "silent" | "wait"}
   */
  tick(nowMs, urgent = false) {
    if (this.#unansweredSinceMs !== null && nowMs - this.#unansweredSinceMs >= SILENT_AFTER_MS) return "silent";
    if (!urgent && nowMs - this.#pingedAtMs < PING_EVERY_MS) return "wait";
    this.#pingedAtMs = nowMs;
    this.#unansweredSinceMs ??= nowMs;
    return "ping";
  }
}
