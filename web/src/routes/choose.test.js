import assert from "node:assert/strict";
import { test } from "node:test";
import { MEDIA_ELEMENTS, MULTIPART_STREAMS, chooseRoute, wayKey } from "./choose.js";

/** @type {(name: string, codec: import("./choose.js").Stream["codec"], codecString?: string) => import("./choose.js").Stream} */
const stream = (name, codec, codecString = "") => ({ name, codec, codecString, width: 0, height: 0, fps: 0, bitsPerSecond: 0 });
const JPEG = stream("jpeg", "jpeg");
const H264 = stream("h264", "h264", "avc1.640029");
const H265 = stream("h265", "h265", "hev1.1.6.L93.B0");
const SUB = stream("sub", "h264", "avc1.42E01E");
const AUDIO = stream("audio", "aac", "mp4a.40.2");

const YES = { ok: true, why: "" };
/** @type {import("./choose.js").Facts["able"]} */
const secure = (_, { codec }) => (codec === "h265" ? { ok: false, why: "not by this browser" } : YES);
/** @type {import("./choose.js").Facts["able"]} */
const plain = (kind, of) => (kind === "webcodecs" ? { ok: false, why: "this page is not secure" } : secure(kind, of));

/** @param {Partial<import("./choose.js").Facts>} facts */
const choose = (facts) =>
  /** @type {Partial<import("./choose.js").Taken> & {kind: string}} */ (
    chooseRoute({
      reach: "everything",
      streams: [JPEG, H264],
      informed: true,
      quality: "auto",
      slow: false,
      sound: false,
      able: secure,
      failed: new Map(),
      multipartStreams: 0,
      mediaElements: 0,
      ...facts,
    })
  );
/** @param {Partial<import("./choose.js").Facts>} facts */
const way = (facts) => {
  const { kind, stream } = choose(facts);
  return stream === undefined ? kind : `${kind} ${stream}`;
};

test("without WebSockets the first tiles stream, and the others poll", () => {
  const kinds = Array.from({ length: 6 }, (_, open) => choose({ reach: "http", multipartStreams: open }).kind);
  assert.deepEqual(kinds, ["multipart", "multipart", "multipart", "multipart", "snapshots", "snapshots"]);
  assert.ok(MULTIPART_STREAMS < 6);
});

test("a page that the relay does not allow shows images", () => {
  assert.equal(choose({ reach: "images", informed: false, streams: null }).kind, "image");
});

test("nothing is asked for before it is known what there is", () => {
  assert.equal(way({ informed: false }), "wait");
  assert.equal(way({ informed: false, streams: null }), "wait");
});

test("a camera that has not told what it offers is asked for pictures", () => {
  assert.equal(way({ streams: null }), "websocket jpeg");
  assert.equal(way({ streams: [] }), "websocket jpeg");
  assert.equal(way({ streams: [AUDIO] }), "websocket jpeg");
});

test("WebCodecs is taken on secure pages, Media Source on others, JPEG where nothing else is offered", () => {
  assert.equal(way({}), "webcodecs h264");
  assert.equal(way({ able: plain }), "mse h264");
  assert.match(choose({ able: plain }).why ?? "", /WebCodecs: this page is not secure/);
  assert.equal(way({ streams: [JPEG] }), "websocket jpeg");
});

test("a player waits while the browser is asked what it can decode", () => {
  assert.equal(way({ able: () => ({ ok: null, why: "" }) }), "wait");
});

test("what has failed is not taken again, until the stream is another one", () => {
  const failed = new Map([[wayKey("webcodecs", H264), "the decoder gave up"]]);
  assert.equal(way({ failed }), "mse h264");
  assert.match(choose({ failed }).why ?? "", /the decoder gave up/);
  failed.set(wayKey("mse", H264), "it does not start");
  assert.equal(way({ failed }), "websocket jpeg");
  assert.match(choose({ failed }).why ?? "", /gave up; H.264 by Media Source: it does not start/);
  assert.equal(way({ failed, streams: [JPEG, { ...H264, codecString: "avc1.42E01E" }] }), "webcodecs h264");
});

test("H.265 is taken where it can be decoded, else JPEG, else nothing", () => {
  assert.equal(way({ streams: [H265] }), "none");
  assert.equal(way({ streams: [H265, JPEG] }), "websocket jpeg");
  assert.equal(way({ streams: [H265], able: () => YES }), "webcodecs h265");
  assert.equal(way({ streams: [H265, AUDIO], able: () => YES, sound: true }), "webcodecs h265");
  assert.equal(way({ streams: [H265], able: (kind, of) => (kind === "mse" ? YES : secure(kind, of)) }), "none");
  assert.equal(way({ streams: [H265, H264], able: () => YES }), "webcodecs h264");
});

test("who listens is given Media Source, which keeps sound and picture together", () => {
  assert.equal(way({ sound: true, streams: [H264, AUDIO] }), "mse h264");
  const failed = new Map([[wayKey("mse", H264), "it does not start"]]);
  assert.equal(way({ sound: true, streams: [H264, AUDIO], failed }), "webcodecs h264");
});

test("low quality is the small stream, else JPEG, else what there is", () => {
  const quality = "low";
  assert.equal(way({ quality, streams: [JPEG, H264, SUB] }), "webcodecs sub");
  assert.equal(way({ quality, streams: [JPEG, H264, { ...SUB, codec: "jpeg" }] }), "websocket sub");
  assert.equal(way({ quality, streams: [JPEG, H264] }), "websocket jpeg");
  assert.equal(way({ quality, streams: [H264] }), "webcodecs h264");
});

test("a slow connection is given the small stream, unless the large one was asked for", () => {
  const streams = [JPEG, H264, SUB];
  assert.equal(way({ slow: true, streams }), "webcodecs sub");
  assert.equal(way({ slow: true, streams, quality: "high" }), "webcodecs h264");
  assert.equal(way({ slow: true, streams: [JPEG, H264] }), "webcodecs h264");
});

test("a wall on a page that is not secure opens few media elements", () => {
  const facts = { able: plain, quality: /** @type {const} */ ("low"), streams: [JPEG, H264, SUB] };
  assert.equal(way({ ...facts, mediaElements: MEDIA_ELEMENTS - 1 }), "mse sub");
  assert.equal(way({ ...facts, mediaElements: MEDIA_ELEMENTS }), "websocket jpeg");
});
