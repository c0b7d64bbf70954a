/** Writes the messages that a relay sends, for the mock relay. */
import { Writer } from "../src/wire/writer.js";

const STATES = ["unknown", "idle", "connecting", "live", "failed", "stalled"];
const CODECS = ["unknown", "jpeg", "h264", "h265", "aac"];

/** @param {number} field @param {Uint8Array} body */
const message = (field, body) => new Writer().message(field, body).finish();

/** @param {string} relay @param {string} version */
export const hello = (relay, version) =>
  message(1, new Writer().string(1, relay).string(2, version).int64(3, Date.now() * 1000).finish());

/** @param {import("../src/wire/messages.js").CameraInfo} info */
function camera(info) {
  const to = new Writer()
    .string(1, info.camera)
    .string(2, info.title)
    .int64(3, Number(info.online))
    .int64(4, STATES.indexOf(info.state))
    .string(5, info.reason)
    .int64(6, info.lastSeenUs);
  for (const stream of info.streams) {
    const { name, codec, width, height, fps, bitsPerSecond, codecString } = stream;
    to.message(7, new Writer().string(1, name).int64(2, CODECS.indexOf(codec)).int64(3, width).int64(4, height).float(5, fps).int64(6, bitsPerSecond).string(7, codecString).finish());
  }
  return to.string(8, info.source).finish();
}

/** @param {import("../src/wire/messages.js").CameraInfo[]} list */
export function cameras(list) {
  const to = new Writer();
  for (const info of list) to.message(1, camera(info));
  return message(3, to.finish());
}

/** @param {import("../src/wire/messages.js").CameraInfo} info */
export const cameraChanged = (info) => message(4, camera(info));

/** @param {{camera: string, stream: string, code: string, message: string}} refused */
export const refused = ({ camera, stream, code, message: words }) =>
  message(5, new Writer().string(1, camera).string(2, stream).string(3, code).string(4, words).finish());

/** @param {number} viewerTimeUs */
export const pong = (viewerTimeUs) => message(7, new Writer().int64(1, viewerTimeUs).int64(2, Date.now() * 1000).finish());

/** @param {{camera: string, stream: string, frames: number}} skipped */
export const skipped = ({ camera, stream, frames }) => message(6, new Writer().string(1, camera).string(2, stream).int64(3, frames).finish());

/** @param {{camera: string, stream: string, mime: string, data: Buffer}} init */
export const init = ({ camera, stream, mime, data }) =>
  withData(8, new Writer().string(1, camera).string(2, stream).string(3, mime).finish(), data);

/** A picture as it was taken a moment ago. @param {{camera: string, sequence: number, width: number, height: number, stale: boolean, data: Buffer}} frame */
export function frame({ camera, sequence, width, height, stale, data }) {
  const now = Date.now() * 1000;
  const head = new Writer()
    .string(1, camera)
    .string(2, "jpeg")
    .int64(4, sequence)
    .int64(5, now - 18_000)
    .int64(6, now)
    .int64(7, 1)
    .int64(8, 1)
    .int64(9, width)
    .int64(10, height)
    .int64(11, Number(stale))
    .finish();
  return withData(2, head, data);
}

/**
 * @typedef {object} MediaFrame
 * @property {string} camera
 * @property {string} stream
 * @property {string} codec
 * @property {bigint} epoch
 * @property {number} sequence
 * @property {number} captureTimeUs
 * @property {boolean} key
 * @property {number} width
 * @property {number} height
 * @property {number} mediaTimeUs
 * @property {Buffer} data
 * @property {Buffer} fragment
 */

/** @param {MediaFrame} of @param {import("../src/wire/messages.js").Form} form */
export function media({ camera, stream, codec, epoch, sequence, captureTimeUs, key, width, height, mediaTimeUs, data, fragment }, form) {
  const fmp4 = form === "fmp4";
  const epochBytes = Buffer.alloc(9, 0x19);
  epochBytes.writeBigUInt64LE(epoch, 1);
  const head = new Writer()
    .string(1, camera)
    .string(2, stream)
    .int64(4, sequence)
    .int64(5, captureTimeUs)
    .int64(6, Date.now() * 1000)
    .int64(7, CODECS.indexOf(codec))
    .int64(8, Number(key))
    .int64(9, width)
    .int64(10, height)
    .int64(13, Number(fmp4))
    .int64(14, fmp4 ? mediaTimeUs : 0)
    .finish();
  return withData(2, Buffer.concat([epochBytes, head]), fmp4 ? fragment : data);
}

/** A message whose last field is `data`. @param {number} kind @param {Uint8Array} head @param {Buffer} data */
function withData(kind, head, data) {
  const varint = (/** @type {number} */ n) => {
    const bytes = [];
    for (; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) | 128);
    return Buffer.from([...bytes, n]);
  };
  const body = Buffer.concat([head, Buffer.from([0x7a]), varint(data.length), data]);
  return Buffer.concat([Buffer.from([(kind << 3) | 2]), varint(body.length), body]);
}
