import assert from "node:assert/strict";
import { test } from "node:test";
import { cameraRow, figures, inOrder, reasons, relayRow, siteRow } from "./rows.js";

const NOW_MS = 1_767_225_600_000;

/** @param {Partial<import("./rows.js").Camera>} changes @returns {import("./rows.js").Camera} */
const camera = (changes) => ({
  name: "farm/gate",
  title: "",
  online: true,
  state: "live",
  reason: "",
  last_seen_us: NOW_MS * 1000,
  source: "test",
  streams: [{ name: "jpeg", codec: "jpeg", width: 640, height: 360, fps: 25, bits_per_second: 4_000_000 }],
  viewers_of_all: 3,
  age_ms: 41,
  dropped_here: 2,
  publisher: { version: "0.1.0" },
  dropped: { rate_limit: 1 },
  ...changes,
});

/** @type {import("./rows.js").Relay} */
const relay = {
  name: "relay-1",
  instance: "01ab",
  version: "0.1.0",
  here: true,
  draining: false,
  started_us: (NOW_MS - 7_200_000) * 1000,
  connections: 4,
  viewers: 3,
  streams: 2,
  dropped: { stale: 2, waiting_for_key: 1200 },
};

test("cameras that need somebody come first, unknown states last", () => {
  const list = [
    camera({ name: "a/1", state: "idle" }),
    camera({ name: "a/2", state: "unknown" }),
    camera({ name: "b/2" }),
    camera({ name: "b/1" }),
    camera({ name: "a/3", online: false }),
    camera({ name: "a/4", state: "failed" }),
  ];
  assert.deepEqual(
    inOrder(list).map((each) => each.name),
    ["a/4", "a/3", "b/1", "b/2", "a/1", "a/2"],
  );
});

test("a camera says what it sends, how old that is and how many watch", () => {
  const texts = (/** @type {import("./rows.js").Camera} */ each) => cameraRow(each, NOW_MS).map((cell) => cell.text);
  assert.deepEqual(texts(camera({})), ["gate", "live", "JPEG 25 fps, 4.0 Mbit/s", "41 ms", "3", "3", "0.1.0"]);
  const idle = camera({ state: "idle", age_ms: null, streams: [], dropped: {}, dropped_here: 0, title: "The gate" });
  assert.deepEqual(texts(idle), ["The gate", "idle", "–", "–", "3", "0", "0.1.0"]);
  const gone = cameraRow(camera({ online: false, state: "live" }), NOW_MS)[1];
  assert.equal(gone.text, "offline");
  assert.match(gone.small ?? "", /^since /);
});

test("a relay says how long it is up and what it did not show", () => {
  const row = relayRow(relay, NOW_MS);
  assert.deepEqual(row[0], { text: "relay-1", small: "this one" });
  assert.deepEqual(row[1], { text: "live", state: "live", small: "for 2 h" });
  assert.equal(row[5].small, "waiting for key 1,200, stale 2");
  assert.equal(relayRow({ ...relay, draining: true }, NOW_MS)[1].text, "leaving");
});

test("the figures are sums", () => {
  const site = { cameras: 2, online: 1, viewers: 3, bits_per_second: 4_000_000 };
  const status = { time_us: 0, relays: [relay, relay], sites: { farm: site }, cameras: [camera({}), camera({ state: "stalled" })] };
  assert.deepEqual(
    figures(status).map(({ text, words, bad }) => `${text} ${words}${bad ? "!" : ""}`),
    ["2 cameras, 1 live", "1 needs attention!", "6 viewers", "2 relays", "4.0 Mbit/s from cameras"],
  );
  assert.equal(siteRow("farm", site)[1].state, "offline");
  assert.equal(reasons({}), "");
});
