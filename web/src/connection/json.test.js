import assert from "node:assert/strict";
import { test } from "node:test";
import { camerasFromJson } from "./json.js";

test("a camera of the API has the shape of the WebSocket's", () => {
  const body = {
    cameras: [
      {
        name: "farm/gate",
        title: "Gate",
        online: true,
        state: "live",
        reason: "",
        last_seen_us: 17,
        source: "v4l2",
        streams: [{ name: "jpeg", codec: "jpeg", width: 1280, height: 720, fps: 30, bits_per_second: 9, codec_string: "" }],
        viewers: 2,
      },
    ],
  };
  assert.deepEqual(camerasFromJson(body), [
    {
      camera: "farm/gate",
      title: "Gate",
      online: true,
      state: "live",
      reason: "",
      lastSeenUs: 17,
      source: "v4l2",
      streams: [{ name: "jpeg", codec: "jpeg", width: 1280, height: 720, fps: 30, bitsPerSecond: 9, codecString: "" }],
    },
  ]);
});

test("anything else becomes defaults, and never an error", () => {
  for (const body of [null, 7, "x", {}, { cameras: 3 }, { cameras: [null, 3, {}] }]) {
    assert.deepEqual(camerasFromJson(body), []);
  }
  const [camera] = camerasFromJson({ cameras: [{ name: "a/b", streams: [4], state: "odd", online: "yes" }] });
  assert.equal(camera.state, "unknown");
  assert.equal(camera.online, false);
  assert.equal(camera.streams[0].codec, "unknown");
});
