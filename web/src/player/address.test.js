import assert from "node:assert/strict";
import { test } from "node:test";
import { address } from "./address.js";

const HOME = "http://relay:8080/static/src/player/element.js";
const PAGE = "https://example.org/blog/post";

/**
 * @param {string | null} src
 * @param {string | null} camera
 */
const of = (src, camera) => address(src, camera, HOME, PAGE);

test("without src it is the relay that the code comes from", () => {
  assert.deepEqual(of(null, "farm/gate"), { base: "http://relay:8080/", camera: "farm/gate" });
});

test("src names the relay, also below a path", () => {
  assert.deepEqual(of("http://other:1", "farm/gate"), { base: "http://other:1/", camera: "farm/gate" });
  assert.deepEqual(of("https://home/sightline", "a/b"), { base: "https://home/sightline/", camera: "a/b" });
  assert.deepEqual(of("/live/", "a/b"), { base: "https://example.org/live/", camera: "a/b" });
});

test("src may be a camera's address", () => {
  assert.deepEqual(of("http://r/watch/farm/gate", null), { base: "http://r/", camera: "farm/gate" });
  assert.deepEqual(of("http://r/x/api/cameras/farm/gate/stream.mjpeg", null), { base: "http://r/x/", camera: "farm/gate" });
  assert.deepEqual(of("http://r/watch/farm/gate", "farm/door"), { base: "http://r/", camera: "farm/door" });
});

test("what cannot work says why", () => {
  assert.deepEqual(of(null, null), { problem: "no camera named" });
  assert.deepEqual(of(null, "gate"), { problem: '"gate" is not a camera: use site/camera' });
  assert.deepEqual(of("javascript:alert(1)", "a/b"), { problem: 'src "javascript:alert(1)" is not an http address' });
  assert.deepEqual(of("http://", "a/b"), { problem: 'src "http://" is not an address' });
});
