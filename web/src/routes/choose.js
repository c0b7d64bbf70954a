/**
 * Which route a player takes, and why. Pure.
 *
 * @typedef {"websocket" | "multipart" | "snapshots"} RouteKind
 * @typedef {{kind: RouteKind, why: string}} Choice
 */

/**
 * Streams by multipart that a page opens at one relay. Browsers allow six connections to a host
 * without HTTP/2 and leave every further request hanging: two are kept free. Further tiles poll.
 */
export const MULTIPART_STREAMS = 4;

/**
 * @param {boolean} blocked WebSockets do not get through
 * @param {number} multipartStreams that are open at this relay by other players
 * @returns {Choice}
 */
export function chooseRoute(blocked, multipartStreams) {
  if (!blocked) return { kind: "websocket", why: "one connection carries every camera" };
  if (multipartStreams < MULTIPART_STREAMS) return { kind: "multipart", why: "WebSockets do not get through" };
  return { kind: "snapshots", why: "WebSockets do not get through, and browsers open few connections" };
}
