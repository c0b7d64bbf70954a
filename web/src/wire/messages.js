/**
 * The messages of `WS /api/watch`, as proto/sightline/v1/watch.proto defines them.
 *
 * Unknown fields are passed over; fields of an unexpected wire type throw a `RangeError`.
 */
import { BYTES, FIXED32, FIXED64, Reader, VARINT } from "./reader.js";
import { Writer } from "./writer.js";

/**
 * @typedef {"unknown" | "jpeg" | "h264" | "h265" | "aac"} Codec
 * @typedef {"frame" | "fmp4" | "unknown"} Form what the data of a frame is: as it came from the camera, or a fragment
 * @typedef {"unknown" | "idle" | "connecting" | "live" | "failed" | "stalled"} CameraState
 *
 * @typedef {object} Stream
 * @property {string} name "jpeg", "h264", ...
 * @property {Codec} codec
 * @property {number} width pixels; 0 while unknown
 * @property {number} height
 * @property {number} fps 0 while unknown
 * @property {number} bitsPerSecond 0 while nothing is sent
 * @property {string} codecString RFC 6381; empty for JPEG
 * @property {Uint8Array} [codecConfig] what a decoder needs beside the frames, such as an AudioSpecificConfig; a copy
 *
 * @typedef {object} CameraInfo
 * @property {string} camera "site/camera"
 * @property {string} title
 * @property {boolean} online
 * @property {CameraState} state
 * @property {string} reason in words
 * @property {number} lastSeenUs by the relay's clock
 * @property {Stream[]} streams
 * @property {string} source
 *
 * @typedef {object} Hello
 * @property {string} relay
 * @property {string} version
 * @property {number} relayTimeUs
 *
 * @typedef {object} WatchFrame
 * @property {string} camera
 * @property {string} stream
 * @property {bigint} epoch
 * @property {number} sequence
 * @property {number} captureTimeUs by the publisher's clock
 * @property {number} arrivalTimeUs by the relay's clock
 * @property {Codec} codec
 * @property {boolean} key
 * @property {number} width
 * @property {number} height
 * @property {boolean} stale from memory: show it, but not as live
 * @property {number} decodeTimeUs by the publisher's clock; 0: at captureTimeUs
 * @property {Form} form
 * @property {number} mediaTimeUs decode time in a fragment; all streams of a camera count from the same moment
 * @property {Uint8Array} data a view into the message
 *
 * @typedef {object} Init the init segment of a stream as fragmented MP4
 * @property {string} camera
 * @property {string} stream
 * @property {string} mime for MediaSource.isTypeSupported
 * @property {Uint8Array} data a view into the message
 *
 * @typedef {{camera: string, stream: string, code: string, message: string}} Refused
 * @typedef {{camera: string, stream: string, frames: number}} Skipped
 * @typedef {{viewerTimeUs: number, relayTimeUs: number}} Pong
 *
 * @typedef {{kind: "hello", hello: Hello}
 *   | {kind: "frame", frame: WatchFrame}
 *   | {kind: "cameras", cameras: CameraInfo[]}
 *   | {kind: "cameraChanged", camera: CameraInfo}
 *   | {kind: "refused", refused: Refused}
 *   | {kind: "skipped", skipped: Skipped}
 *   | {kind: "pong", pong: Pong}
 *   | {kind: "init", init: Init}
 *   | {kind: "leaving"}
 *   | {kind: "unknown"}} ToViewer
 */

/** @type {readonly Codec[]} */
const CODECS = ["unknown", "jpeg", "h264", "h265", "aac"];
/** @type {readonly Form[]} */
const FORMS = ["frame", "fmp4"];
/** @type {readonly CameraState[]} */
const STATES = ["unknown", "idle", "connecting", "live", "failed", "stalled"];

/**
 * How to read each field of a message: its number, then its name, wire type and reader.
 * @typedef {Record<number, [name: string, type: number, read: (from: Reader) => unknown]>} Fields
 */
/** @type {(name: string) => [string, number, (r: Reader) => unknown]} */
const string = (name) => [name, BYTES, (r) => r.string()];
/** @type {(name: string) => [string, number, (r: Reader) => unknown]} */
const uint32 = (name) => [name, VARINT, (r) => r.uint32()];
/** @type {(name: string) => [string, number, (r: Reader) => unknown]} */
const uint64 = (name) => [name, VARINT, (r) => r.uint64()];
/** @type {(name: string) => [string, number, (r: Reader) => unknown]} */
const int64 = (name) => [name, VARINT, (r) => r.int64()];
/** @type {(name: string) => [string, number, (r: Reader) => unknown]} */
const bool = (name) => [name, VARINT, (r) => r.bool()];
/** @type {(name: string, words: readonly string[]) => [string, number, (r: Reader) => unknown]} */
const word = (name, words) => [name, VARINT, (r) => words[r.uint32()] ?? words[0]];

/** @type {Fields} */
const HELLO = { 1: string("relay"), 2: string("version"), 3: int64("relayTimeUs") };
/** @type {Fields} */
const STREAM = {
  1: string("name"),
  2: word("codec", CODECS),
  3: uint32("width"),
  4: uint32("height"),
  5: ["fps", FIXED32, (r) => r.float()],
  6: uint32("bitsPerSecond"),
  7: string("codecString"),
  8: ["codecConfig", BYTES, (r) => r.data().slice()],
};
/** @type {Fields} */
const CAMERA = {
  1: string("camera"),
  2: string("title"),
  3: bool("online"),
  4: word("state", STATES),
  5: string("reason"),
  6: int64("lastSeenUs"),
  8: string("source"),
};
/** @type {Fields} */
const REFUSED = { 1: string("camera"), 2: string("stream"), 3: string("code"), 4: string("message") };
/** @type {Fields} */
const SKIPPED = { 1: string("camera"), 2: string("stream"), 3: uint64("frames") };
/** @type {Fields} */
const INIT = { 1: string("camera"), 2: string("stream"), 3: string("mime"), 15: ["data", BYTES, (r) => r.data()] };
/** @type {Fields} */
const PONG = { 1: int64("viewerTimeUs"), 2: int64("relayTimeUs") };

/**
 * Fills `into` from `bytes`; calls `other` for fields that `fields` does not name.
 * @template {object} T
 * @param {Uint8Array} bytes
 * @param {Fields} fields
 * @param {T} into holds the defaults
 * @param {(from: Reader) => boolean} [other] true if it has read the field
 * @returns {T}
 */
function read(bytes, fields, into, other) {
  const from = new Reader(bytes);
  while (from.next()) {
    const field = fields[from.field];
    if (field) {
      expect(from, field[1]);
      /** @type {Record<string, unknown>} */ (into)[field[0]] = field[2](from);
    } else if (!other?.(from)) from.skip();
  }
  return into;
}

/**
 * @param {Reader} from
 * @param {number} type
 */
function expect(from, type) {
  if (from.type !== type) throw new RangeError(`field ${from.field} has wire type ${from.type}`);
}

/** @param {Uint8Array} bytes */
function camera(bytes) {
  /** @type {CameraInfo} */
  const into = {
    camera: "",
    title: "",
    online: false,
    state: "unknown",
    reason: "",
    lastSeenUs: 0,
    streams: [],
    source: "",
  };
  return read(bytes, CAMERA, into, (from) => {
    if (from.field !== 7) return false;
    expect(from, BYTES);
    into.streams.push(
      read(from.data(), STREAM, {
        name: "",
        codec: /** @type {Codec} */ ("unknown"),
        width: 0,
        height: 0,
        fps: 0,
        bitsPerSecond: 0,
        codecString: "",
      }),
    );
    return true;
  });
}

/** @param {Uint8Array} bytes */
function cameras(bytes) {
  /** @type {CameraInfo[]} */
  const list = [];
  read(bytes, {}, {}, (from) => {
    if (from.field !== 1) return false;
    expect(from, BYTES);
    list.push(camera(from.data()));
    return true;
  });
  return list;
}

/**
 * Written out, because it runs for every picture.
 * @param {Uint8Array} bytes
 * @returns {WatchFrame}
 */
function frame(bytes) {
  const from = new Reader(bytes);
  /** @type {WatchFrame} */
  const into = {
    camera: "",
    stream: "",
    epoch: 0n,
    sequence: 0,
    captureTimeUs: 0,
    arrivalTimeUs: 0,
    codec: "unknown",
    key: false,
    width: 0,
    height: 0,
    stale: false,
    decodeTimeUs: 0,
    form: "frame",
    mediaTimeUs: 0,
    data: bytes.subarray(0, 0),
  };
  while (from.next()) {
    const { field, type } = from;
    if (field === 1 && type === BYTES) into.camera = from.string();
    else if (field === 2 && type === BYTES) into.stream = from.string();
    else if (field === 3 && type === FIXED64) into.epoch = from.fixed64();
    else if (field === 4 && type === VARINT) into.sequence = from.uint64();
    else if (field === 5 && type === VARINT) into.captureTimeUs = from.int64();
    else if (field === 6 && type === VARINT) into.arrivalTimeUs = from.int64();
    else if (field === 7 && type === VARINT) into.codec = CODECS[from.uint32()] ?? "unknown";
    else if (field === 8 && type === VARINT) into.key = from.bool();
    else if (field === 9 && type === VARINT) into.width = from.uint32();
    else if (field === 10 && type === VARINT) into.height = from.uint32();
    else if (field === 11 && type === VARINT) into.stale = from.bool();
    else if (field === 12 && type === VARINT) into.decodeTimeUs = from.int64();
    else if (field === 13 && type === VARINT) into.form = FORMS[from.uint32()] ?? "unknown";
    else if (field === 14 && type === VARINT) into.mediaTimeUs = from.uint64();
    else if (field === 15 && type === BYTES) into.data = from.data();
    else if (field <= 15) throw new RangeError(`field ${field} has wire type ${type}`);
    else from.skip();
  }
  return into;
}

/**
 * Reads one message from the relay. Kinds that this version does not know are "unknown".
 * @param {Uint8Array} bytes
 * @returns {ToViewer}
 */
export function decodeToViewer(bytes) {
  const from = new Reader(bytes);
  /** @type {ToViewer} */
  let message = { kind: "unknown" };
  while (from.next()) {
    if (from.field < 1 || from.field > 9) {
      from.skip();
      continue;
    }
    expect(from, BYTES);
    message = decodeKind(from.field, from.data());
  }
  return message;
}

/**
 * @param {number} field
 * @param {Uint8Array} bytes
 * @returns {ToViewer}
 */
function decodeKind(field, bytes) {
  switch (field) {
    case 1:
      return { kind: "hello", hello: read(bytes, HELLO, { relay: "", version: "", relayTimeUs: 0 }) };
    case 2:
      return { kind: "frame", frame: frame(bytes) };
    case 3:
      return { kind: "cameras", cameras: cameras(bytes) };
    case 4:
      return { kind: "cameraChanged", camera: camera(bytes) };
    case 5:
      return {
        kind: "refused",
        refused: read(bytes, REFUSED, { camera: "", stream: "", code: "", message: "" }),
      };
    case 6:
      return { kind: "skipped", skipped: read(bytes, SKIPPED, { camera: "", stream: "", frames: 0 }) };
    case 8:
      return { kind: "init", init: read(bytes, INIT, { camera: "", stream: "", mime: "", data: bytes.subarray(0, 0) }) };
    case 9:
      return { kind: "leaving" };
    default:
      return { kind: "pong", pong: read(bytes, PONG, { viewerTimeUs: 0, relayTimeUs: 0 }) };
  }
}

/**
 * Starts a stream, or changes its limit.
 * @param {string} camera "site/camera"
 * @param {string} stream
 * @param {number} maxFps 0: all frames; for pictures only
 * @param {Form} [form]
 */
export function encodeSubscribe(camera, stream, maxFps, form = "frame") {
  const body = new Writer().string(1, camera).string(2, stream).float(3, maxFps).int64(4, FORMS.indexOf(form));
  return new Writer().message(1, body.finish()).finish();
}

/**
 * @param {string} camera
 * @param {string} stream
 */
export function encodeUnsubscribe(camera, stream) {
  const body = new Writer().string(1, camera).string(2, stream).finish();
  return new Writer().message(2, body).finish();
}

export function encodeFollowCameras() {
  return new Writer().message(3, new Uint8Array()).finish();
}

/** @param {number} viewerTimeUs */
export function encodePing(viewerTimeUs) {
  return new Writer().message(4, new Writer().int64(1, viewerTimeUs).finish()).finish();
}
