import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import * as wire from "./messages.js";

const folder = new URL("../../../proto/golden/", import.meta.url);
const NOON_US = 1_767_225_600_000_000;

/** @param {string} name */
function golden(name) {
  const hex = readFileSync(new URL(`${name}.hex`, folder), "utf8").replace(/\s/g, "");
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

const gate = {
  camera: "farm/gate",
  title: "Gate, süd",
  online: true,
  state: "stalled",
  reason: "no new picture",
  lastSeenUs: NOON_US,
  streams: [
    {
      name: "jpeg",
      codec: "jpeg",
      width: 1280,
      height: 720,
      fps: 29.5,
      bitsPerSecond: 21_000_000,
      codecString: "",
    },
    {
      name: "h264",
      codec: "h264",
      width: 0,
      height: 0,
      fps: 0,
      bitsPerSecond: 0,
      codecString: "avc1.640029",
    },
  ],
  source: "v4l2",
};
const door = {
  camera: "farm/door",
  title: "",
  online: false,
  state: "unknown",
  reason: "",
  lastSeenUs: 0,
  streams: [],
  source: "",
};

/** @type {Record<string, unknown>} */
const TO_VIEWER = {
  to_viewer_hello: { kind: "hello", hello: { relay: "relay-1", version: "0.1.0", relayTimeUs: NOON_US } },
  to_viewer_frame: {
    kind: "frame",
    frame: {
      camera: "farm/gate",
      stream: "jpeg",
      epoch: 2n ** 64n - 2n,
      sequence: 2 ** 53 - 1,
      captureTimeUs: NOON_US,
      arrivalTimeUs: NOON_US + 1_500,
      codec: "jpeg",
      key: true,
      width: 1280,
      height: 720,
      stale: true,
      decodeTimeUs: 0,
      form: "frame",
      mediaTimeUs: 0,
      data: Uint8Array.from({ length: 256 }, (_, i) => i),
    },
  },
  to_viewer_fragment: {
    kind: "frame",
    frame: {
      camera: "farm/gate",
      stream: "h264",
      epoch: 2n ** 64n - 2n,
      sequence: 2 ** 53 - 1,
      captureTimeUs: NOON_US,
      arrivalTimeUs: NOON_US + 1_500,
      codec: "h264",
      key: true,
      width: 1280,
      height: 720,
      stale: false,
      decodeTimeUs: NOON_US - 80_000,
      form: "fmp4",
      mediaTimeUs: 5_000_000_000,
      data: Uint8Array.from({ length: 256 }, (_, i) => i),
    },
  },
  to_viewer_init: {
    kind: "init",
    init: {
      camera: "farm/gate",
      stream: "h264",
      mime: 'video/mp4; codecs="avc1.640029"',
      data: Uint8Array.of(0, 0, 0, 8),
    },
  },
  to_viewer_frame_defaults: {
    kind: "frame",
    frame: {
      camera: "",
      stream: "",
      epoch: 0n,
      sequence: 0,
      captureTimeUs: -1,
      arrivalTimeUs: 0,
      codec: "unknown",
      key: false,
      width: 0,
      height: 0,
      stale: false,
      decodeTimeUs: 0,
      form: "frame",
      mediaTimeUs: 0,
      data: new Uint8Array(),
    },
  },
  to_viewer_cameras: { kind: "cameras", cameras: [door, gate] },
  to_viewer_cameras_none: { kind: "cameras", cameras: [] },
  to_viewer_camera_changed: { kind: "cameraChanged", camera: gate },
  to_viewer_refused: {
    kind: "refused",
    refused: {
      camera: "farm/gaet",
      stream: "jpeg",
      code: "unknown_camera",
      message: "there is no camera farm/gaet",
    },
  },
  to_viewer_skipped: { kind: "skipped", skipped: { camera: "farm/gate", stream: "jpeg", frames: 300 } },
  to_viewer_leaving: { kind: "leaving" },
  to_viewer_pong: { kind: "pong", pong: { viewerTimeUs: NOON_US, relayTimeUs: NOON_US + 2_000_000 } },
};

/** @type {Record<string, Uint8Array>} */
const TO_RELAY = {
  to_relay_subscribe: wire.encodeSubscribe("farm/gate", "jpeg", 12.5),
  to_relay_subscribe_defaults: wire.encodeSubscribe("farm/gate", "", 0),
  to_relay_subscribe_fmp4: wire.encodeSubscribe("farm/gate", "h264", 0, "fmp4"),
  to_relay_unsubscribe: wire.encodeUnsubscribe("farm/gate", "jpeg"),
  to_relay_follow_cameras: wire.encodeFollowCameras(),
  to_relay_ping: wire.encodePing(NOON_US),
  to_relay_ping_before_1970: wire.encodePing(-1),
};

for (const [name, expected] of Object.entries(TO_VIEWER)) {
  test(`${name} is read`, () => assert.deepEqual(wire.decodeToViewer(golden(name)), expected));
}

for (const [name, bytes] of Object.entries(TO_RELAY)) {
  test(`${name} is written`, () => assert.deepEqual(bytes, golden(name)));
}

test("every golden message of the viewer's connection is tested here", () => {
  const names = readdirSync(folder).filter((name) => /^to_/.test(name));
  assert.deepEqual(names.sort(), [...Object.keys(TO_VIEWER), ...Object.keys(TO_RELAY)].map((n) => `${n}.hex`).sort());
});

test("a picture is a view into the message, not a copy", () => {
  const bytes = golden("to_viewer_frame");
  const message = wire.decodeToViewer(bytes);
  assert.ok(message.kind === "frame" && message.frame.data.buffer === bytes.buffer);
});

test("every cut of a message either reads or throws a RangeError", () => {
  for (const name of Object.keys(TO_VIEWER)) {
    const bytes = golden(name);
    for (let len = 0; len < bytes.length; len++) {
      try {
        wire.decodeToViewer(bytes.subarray(0, len));
      } catch (error) {
        assert.ok(error instanceof RangeError, `${name} cut to ${len}: ${error}`);
      }
    }
  }
});

test("flipped bytes either read or throw a RangeError", () => {
  for (const name of Object.keys(TO_VIEWER)) {
    const bytes = golden(name);
    for (let at = 0; at < bytes.length; at++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const changed = Uint8Array.from(bytes);
        changed[at] ^= flip;
        try {
          wire.decodeToViewer(changed);
        } catch (error) {
          assert.ok(error instanceof RangeError, `${name} at ${at}: ${error}`);
        }
      }
    }
  }
});

test("what a decoder of sound needs is read, and is no view into the message", () => {
  const stream = [0x0a, 1, 0x61, 0x10, 4, 0x42, 2, 0x12, 0x10];
  const bytes = Uint8Array.from([0x22, stream.length + 2, 0x3a, stream.length, ...stream]);
  const message = wire.decodeToViewer(bytes);
  assert.ok(message.kind === "cameraChanged");
  const [{ name, codec, codecConfig }] = message.camera.streams;
  assert.deepEqual([name, codec, codecConfig], ["a", "aac", Uint8Array.of(0x12, 0x10)]);
  assert.notEqual(codecConfig?.buffer, bytes.buffer);
});

test("fields and kinds of later versions are passed over", () => {
  const later = [0x9a, 0x06, 0x03, 1, 2, 3, 0xa0, 0x06, 0x01, 0xa9, 0x06, 1, 2, 3, 4, 5, 6, 7, 8, 0xad, 0x06, 1, 2, 3, 4];
  assert.deepEqual(wire.decodeToViewer(Uint8Array.from(later)), { kind: "unknown" });
  const pong = golden("to_viewer_pong");
  const body = [...pong.subarray(2), ...later];
  assert.deepEqual(
    wire.decodeToViewer(Uint8Array.from([0x3a, body.length, ...body])),
    TO_VIEWER.to_viewer_pong,
  );
});

test("a known field of another wire type is refused", () => {
  assert.throws(() => wire.decodeToViewer(Uint8Array.from([0x08, 1])), RangeError);
  assert.throws(() => wire.decodeToViewer(Uint8Array.from([0x0a, 2, 0x08, 1])), RangeError);
});
