/**
 * The state of the connection to a relay, as players and the page tell it. Pure.
 *
 * @typedef {import("./machine.js").Link} Link
 * @typedef {"connecting" | "open" | "lost" | "blocked"} Status
 */

/** A single failure is mended before anyone has read about it. */
const FAILURES_UNTIL_LOST = 2;

/**
 * @param {Link} link
 * @returns {Status} "blocked" if the relay answers, but WebSockets do not get through
 */
export function statusOf(link) {
  if (link.kind === "open") return "open";
  if (link.blocked) return "blocked";
  const answers = link.probed || link.refusals > 0;
  return link.failures >= FAILURES_UNTIL_LOST && !answers ? "lost" : "connecting";
}

/**
 * @param {Link} link
 * @param {number} nowMs by the link's clock
 * @returns {number | null} milliseconds; null unless it waits
 */
export function retryInMs(link, nowMs) {
  return link.kind === "waiting" ? Math.max(0, link.retryAtMs - nowMs) : null;
}

/**
 * @param {Link} link
 * @param {number} nowMs by the link's clock
 * @returns {string}
 */
export function statusWords(link, nowMs) {
  switch (statusOf(link)) {
    case "open":
      return "Connected to the relay";
    case "blocked":
      return "WebSockets do not get through: pictures come by HTTP, at a lower rate";
    case "connecting":
      return "Connecting to the relay";
    case "lost": {
      const seconds = Math.ceil((retryInMs(link, nowMs) ?? 0) / 1000);
      return `Relay unreachable, ${seconds > 0 ? `next try in ${seconds} s` : "trying again"}`;
    }
  }
}
