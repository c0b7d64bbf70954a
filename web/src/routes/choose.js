/**
 * Which stream of a camera a player takes, by which route, and why. Pure.
 *
 * @typedef {import("../wire/messages.js").Stream} Stream
 *
 * @typedef {"webcodecs" | "mse"} VideoKind
 * @typedef {VideoKind | "websocket" | "multipart" | "snapshots" | "image"} RouteKind
 * @typedef {{kind: RouteKind, stream: string, codec: Stream["codec"], codecString: string, why: string}} Taken
 * @typedef {Taken | {kind: "wait"} | {kind: "none", why: string}} Choice "wait": what is needed to choose is being
 *   found out; "none": nothing of what the camera offers can be shown
 *
 * @typedef {"everything" | "http" | "images"} Reach what of a relay gets through to this page: "images" if it
 *   may show pictures, and may not read them
 *
 * @typedef {"auto" | "high" | "low"} Quality "low": the small stream if there is one, else the cheapest to show
 *
 * @typedef {{ok: boolean | null, why: string}} Ability `ok` null: being found out; `why` not, in words
 *
 * @typedef {object} Facts
 * @property {Reach} reach
 * @property {Stream[] | null} streams that the camera offers; null if it is not known
 * @property {boolean} informed whether that is up to date: without it, nothing is begun over the WebSocket
 * @property {Quality} quality
 * @property {boolean} slow the connection does not carry the large stream
 * @property {boolean} sound somebody listens
 * @property {(kind: VideoKind, stream: Stream) => Ability} able
 * @property {ReadonlyMap<string, string>} failed why a way was given up, by `wayKey`
 * @property {number} multipartStreams that are open at this relay by other players
 * @property {number} mediaElements that other players on this page have
 */

/**
 * Streams by multipart that a page opens at one relay. Browsers allow six connections to a host
 * without HTTP/2 and leave every further request hanging: two are kept free. Further tiles poll.
 */
export const MULTIPART_STREAMS = 4;

/**
 * Players by Media Source on one page. Browsers allow some dozens of media elements, phones fewer, and each costs
 * a decoder with its threads. Further tiles show JPEG.
 */
export const MEDIA_ELEMENTS = 16;

/** A way to watch. @param {RouteKind} kind @param {{name: string, codecString: string}} stream */
export const wayKey = (kind, { name, codecString }) => `${kind} ${name} ${codecString}`;

const NAMES = { webcodecs: "WebCodecs", mse: "Media Source" };
const CODECS = { jpeg: "JPEG", h264: "H.264", h265: "H.265", aac: "AAC", unknown: "an unknown codec" };

/**
 * @param {Facts} facts
 * @returns {Choice}
 */
export function chooseRoute(facts) {
  if (facts.reach !== "everything") return byHttp(facts);
  if (!facts.informed) return { kind: "wait" };
  const streams = wanted(facts);
  // Unknown, or it has not told yet: the relay's answer to the usual question says more.
  if (streams.length === 0) return picture("jpeg", "", "the camera has not told what it offers");
  /** @type {string[]} */
  const reasons = [];
  for (const stream of streams) {
    const choice = stream.codec === "jpeg" ? jpeg(facts, stream, reasons) : video(facts, stream, reasons);
    if (choice) return choice;
  }
  return { kind: "none", why: reasons.join("; ") };
}

/** @param {Facts} facts @returns {Choice} */
function byHttp({ reach, multipartStreams }) {
  const blocked = "WebSockets do not get through";
  const jpeg = { stream: "jpeg", codec: /** @type {const} */ ("jpeg"), codecString: "" };
  if (reach === "images") return { kind: "image", ...jpeg, why: "the relay does not allow this page's origin" };
  if (multipartStreams < MULTIPART_STREAMS) return { kind: "multipart", ...jpeg, why: blocked };
  return { kind: "snapshots", ...jpeg, why: `${blocked}, and browsers open few connections` };
}

/**
 * What is offered for the eye, the best first.
 * @param {Facts} facts
 */
function wanted({ streams, quality, slow }) {
  const pictures = (streams ?? []).filter(({ codec }) => codec !== "aac" && codec !== "unknown");
  const small = pictures.filter(({ name }) => name === "sub");
  const large = (/** @type {Stream["codec"]} */ codec) =>
    pictures.filter((stream) => stream.codec === codec && stream.name !== "sub");
  const video = [...large("h264"), ...large("h265")];
  if (quality === "low") return [...small, ...large("jpeg"), ...video];
  if (quality === "auto" && slow) return [...small, ...video, ...large("jpeg")];
  return [...video, ...large("jpeg"), ...small];
}

/**
 * @param {Facts} facts
 * @param {Stream} stream
 * @param {string[]} reasons why better ones were not taken; is added to
 * @returns {Taken | null}
 */
function jpeg({ failed, quality, slow }, stream, reasons) {
  const given = failed.get(wayKey("websocket", stream));
  if (given !== undefined) {
    reasons.push(`JPEG: ${given}`);
    return null;
  }
  return picture(stream.name, stream.codecString, reasons.join("; ") || plainly(stream, quality, slow));
}

/**
 * @param {string} stream
 * @param {string} codecString
 * @param {string} why
 * @returns {Taken}
 */
const picture = (stream, codecString, why) => ({ kind: "websocket", stream, codec: "jpeg", codecString, why });

/**
 * @param {Facts} facts
 * @param {Stream} stream
 * @param {string[]} reasons
 * @returns {Choice | null}
 */
function video({ able, failed, sound, mediaElements, quality, slow }, stream, reasons) {
  const { name, codec, codecString } = stream;
  const codecName = CODECS[codec];
  /** @type {VideoKind[]} */
  const kinds = sound ? ["mse", "webcodecs"] : ["webcodecs", "mse"];
  // Relays make fragments of H.264 alone.
  if (codec === "h265") kinds.splice(kinds.indexOf("mse"), 1);
  for (const kind of kinds) {
    let { ok, why } = able(kind, stream);
    if (ok === null) return { kind: "wait" };
    if (ok && kind === "mse" && !sound && mediaElements >= MEDIA_ELEMENTS) {
      [ok, why] = [false, `${MEDIA_ELEMENTS} players on this page have it already`];
    }
    const given = failed.get(wayKey(kind, stream));
    if (given !== undefined) [ok, why] = [false, given];
    if (!ok) {
      reasons.push(`${codecName} by ${NAMES[kind]}: ${why}`);
      continue;
    }
    const listens = sound && kind === "mse" ? "it carries the sound with the picture" : "";
    const others = reasons.join("; ");
    const first = kind === "webcodecs" ? "the quickest that this browser has" : "";
    const small = name === "sub" ? plainly(stream, quality, slow) : "";
    return { kind, stream: name, codec, codecString, why: listens || others || small || first };
  }
  return null;
}

/**
 * Why a stream was taken that nothing forced.
 * @param {Stream} stream
 * @param {Quality} quality
 * @param {boolean} slow
 */
function plainly({ name }, quality, slow) {
  if (name === "sub" && slow && quality === "auto") return "the connection does not carry the large stream";
  if (name === "sub") return "the small stream is asked for";
  if (quality === "low") return "the camera offers no small stream, and JPEG can be shown at any rate";
  return "the camera offers nothing else";
}
