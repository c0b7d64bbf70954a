/**
 * Which route a player takes, and why. Pure.
 *
 * @typedef {"websocket" | "multipart" | "snapshots" | "image"} RouteKind
 * @typedef {{kind: RouteKind, why: string}} Choice
 *
 * @typedef {"everything" | "http" | "images"} Reach what of a relay gets through to this page: "images" if it
 *   may show pictures, and may not read them
 */

/**
 * Streams by multipart that a page opens at one relay. Browsers allow six connections to a host
 * without HTTP/2 and leave every further request hanging: two are kept free. Further tiles poll.
 */
export const MULTIPART_STREAMS = 4;

/**
 * @param {Reach} reach
 * @param {number} multipartStreams that are open at this relay by other players
 * @returns {Choice}
 */
export function chooseRoute(reach, multipartStreams) {
  if (reach === "everything") return { kind: "websocket", why: "one connection carries every camera" };
  if (reach === "images") return { kind: "image", why: "the relay does not allow this page's origin" };
  if (multipartStreams < MULTIPART_STREAMS) return { kind: "multipart", why: "WebSockets do not get through" };
  return { kind: "snapshots", why: "WebSockets do not get through, and browsers open few connections" };
}
