/**
 * Cameras as `GET /api/cameras` tells them (docs/ref/http.md), in the shape of the WebSocket's
 * messages. Pure. What is missing or of another type becomes the default.
 *
 * @typedef {import("../wire/messages.js").CameraInfo} CameraInfo
 * @typedef {import("../wire/messages.js").Stream} Stream
 */

const STATES = ["idle", "connecting", "live", "failed", "stalled"];
const CODECS = ["jpeg", "h264", "h265", "aac"];

/** @type {(value: unknown) => string} */
const text = (value) => (typeof value === "string" ? value : "");
/** @type {(value: unknown) => number} */
const number = (value) => (typeof value === "number" && Number.isFinite(value) ? value : 0);
/** @type {(value: unknown) => unknown[]} */
const list = (value) => (Array.isArray(value) ? value : []);
/** @type {(value: unknown) => Record<string, unknown>} */
const object = (value) => (typeof value === "object" && value ? Object(value) : {});

/**
 * @param {unknown} body
 * @returns {CameraInfo[]}
 */
export function camerasFromJson(body) {
  return list(object(body).cameras)
    .map(object)
    .filter((camera) => text(camera.name) !== "")
    .map((camera) => ({
      camera: text(camera.name),
      title: text(camera.title),
      online: camera.online === true,
      state: /** @type {CameraInfo["state"]} */ (STATES.includes(text(camera.state)) ? camera.state : "unknown"),
      reason: text(camera.reason),
      lastSeenUs: number(camera.last_seen_us),
      streams: list(camera.streams).map(object).map(stream),
      source: text(camera.source),
    }));
}

/**
 * @param {Record<string, unknown>} from
 * @returns {Stream}
 */
function stream(from) {
  return {
    name: text(from.name),
    codec: /** @type {Stream["codec"]} */ (CODECS.includes(text(from.codec)) ? from.codec : "unknown"),
    width: number(from.width),
    height: number(from.height),
    fps: number(from.fps),
    bitsPerSecond: number(from.bits_per_second),
    codecString: text(from.codec_string),
  };
}
