/**
 * When to connect, when to wait, and when to give a connection up. Pure: times are milliseconds by any
 * monotonic clock.
 *
 * After a failure the relay is asked by plain HTTP first ("probing"), because browsers delay new
 * WebSockets more and more while they fail, and because a relay that answers HTTP but takes no
 * WebSocket is behind a proxy that refuses them: then `blocked` is set, and other routes are needed.
 */

/** Waits between tries: doubled from the first up to the last, less up to half by chance. */
const FIRST_DELAY_MS = 250;
/** Short, because people stand before the picture: it is back within 3 s of the relay. */
const MAX_DELAY_MS = 2_000;
/** While WebSockets are refused, other routes carry the pictures and there is no hurry. */
const BLOCKED_DELAY_MS = 15_000;
/** So many refusals in a row by a relay that answers HTTP mean that WebSockets are refused. */
const REFUSALS_UNTIL_BLOCKED = 2;
/** A connection that held for this long was a good one: the next failure is the first again. */
const GOOD_AFTER_MS = 5_000;
/** A connection that takes longer to open is given up. */
export const OPEN_TIMEOUT_MS = 8_000;
/** The relay shuts down, and another one takes over at once. */
const CLOSE_RESTART = 1012;

/**
 * @typedef {object} Link
 * @property {"idle" | "connecting" | "open" | "waiting" | "probing"} kind
 * @property {number} sinceMs when this kind began
 * @property {number} retryAtMs when the next try comes, while waiting
 * @property {number} failures in a row
 * @property {number} refusals in a row, while the relay answered HTTP
 * @property {boolean} probed whether the relay has answered HTTP just before
 * @property {boolean} blocked the relay answers HTTP and takes no WebSocket
 * @property {number | null} lostAtMs when the last good connection ended; null while there is one, or none yet
 *
 * @typedef {{type: "wanted" | "unwanted" | "opened" | "moved" | "moving" | "tick" | "wake" | "silent" | "unreachable"}
 *   | {type: "closed", code: number}
 *   | {type: "probed", ok: boolean}} LinkEvent
 *
 * @typedef {"none" | "open" | "close" | "probe"} Action what the caller must do
 */

/** @type {Link} */
export const IDLE = {
  kind: "idle",
  sinceMs: 0,
  retryAtMs: 0,
  failures: 0,
  refusals: 0,
  probed: false,
  blocked: false,
  lostAtMs: null,
};

/**
 * @param {number} failures how many tries have failed in a row, at least 1
 * @param {number} random 0 to 1
 */
export function delayMs(failures, random) {
  const full = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 20));
  return full * (1 - random / 2);
}

/**
 * What follows from `event`.
 * @param {Link} link
 * @param {LinkEvent} event
 * @param {number} nowMs
 * @param {number} random 0 to 1
 * @returns {[Link, Action]}
 */
export function step(link, event, nowMs, random) {
  /** @type {(kind: Link["kind"], changes?: Partial<Link>) => Link} */
  const to = (kind, changes) => ({ ...link, kind, sinceMs: nowMs, retryAtMs: 0, ...changes });
  const { kind } = link;

  switch (event.type) {
    case "wanted":
      return kind === "idle" ? [to("connecting", { probed: false }), "open"] : [link, "none"];
    case "unwanted":
      return kind === "idle" ? [link, "none"] : [{ ...IDLE, sinceMs: nowMs }, "close"];
    case "opened":
      if (kind !== "connecting") return [link, "none"];
      return [to("open", { refusals: 0, blocked: false, lostAtMs: null }), "none"];
    case "moved":
      // To a connection that was opened while this one was still there.
      return kind === "open" ? [to("open"), "none"] : [link, "none"];
    case "moving":
      // The same, but it opens yet.
      return kind === "open" ? [to("connecting", { lostAtMs: nowMs, probed: false }), "none"] : [link, "none"];
    case "closed":
      return closed(link, event.code, nowMs, random);
    case "silent":
      return kind === "open" ? [closed(link, 0, nowMs, random)[0], "close"] : [link, "none"];
    case "probed":
      if (kind !== "probing") return [link, "none"];
      if (event.ok) return [to("connecting", { probed: true }), "open"];
      return [failed(link, { refusals: 0, blocked: false, probed: false }, nowMs, random), "none"];
    case "unreachable":
      // Other routes were taken meanwhile, and end too.
      if (kind !== "waiting" || !link.blocked) return [link, "none"];
      return [failed(link, { refusals: 0, blocked: false, probed: false }, nowMs, random), "none"];
    case "wake":
      return kind === "waiting" ? [to("probing"), "probe"] : [link, "none"];
    case "tick":
      if (kind === "waiting" && nowMs >= link.retryAtMs) return [to("probing"), "probe"];
      if (kind === "connecting" && nowMs - link.sinceMs >= OPEN_TIMEOUT_MS) {
        return [closed(link, 0, nowMs, random)[0], "close"];
      }
      return [link, "none"];
  }
}

/**
 * @param {Link} link
 * @param {number} code
 * @param {number} nowMs
 * @param {number} random
 * @returns {[Link, Action]}
 */
function closed(link, code, nowMs, random) {
  if (link.kind === "open") {
    const good = nowMs - link.sinceMs >= GOOD_AFTER_MS;
    const lost = { ...link, failures: good ? 0 : link.failures, lostAtMs: nowMs, probed: false };
    if (code === CLOSE_RESTART && lost.failures === 0) {
      return [{ ...lost, kind: "connecting", sinceMs: nowMs }, "open"];
    }
    return [failed(lost, {}, nowMs, random), "none"];
  }
  if (link.kind !== "connecting") return [link, "none"];
  const refusals = link.probed ? link.refusals + 1 : link.refusals;
  const blocked = refusals >= REFUSALS_UNTIL_BLOCKED;
  return [failed(link, { refusals, blocked, probed: false }, nowMs, random), "none"];
}

/**
 * @param {Link} link
 * @param {Partial<Link>} changes
 * @param {number} nowMs
 * @param {number} random
 * @returns {Link}
 */
function failed(link, changes, nowMs, random) {
  const next = { ...link, ...changes, failures: link.failures + 1 };
  const wait = next.blocked ? BLOCKED_DELAY_MS : delayMs(next.refusals || next.failures, random);
  return { ...next, kind: "waiting", sinceMs: nowMs, retryAtMs: nowMs + wait };
}
