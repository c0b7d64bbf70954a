import assert from "node:assert/strict";
import { test } from "node:test";
import { PartReader } from "./parts.js";

const bytes = (/** @type {string} */ text) => Uint8Array.from(Buffer.from(text, "latin1"));
const part = (/** @type {string} */ body, extra = "") =>
  `Content-Type: image/jpeg\r\nContent-Length: ${body.length}\r\nX-Timestamp: 1.5\r\n${extra}\r\n${body}\r\n--b\r\n`;
const STREAM = `--b\r\n${part("first\r\n\r\n--b\r\n")}${part("second", "X-Sightline-Stale: 4\r\n")}${part("3")}`;
const BODIES = ["first\r\n\r\n--b\r\n", "second", "3"];

/** @param {string} stream @param {number} size of each chunk */
function read(stream, size) {
  const reader = new PartReader();
  const all = bytes(stream);
  const parts = [];
  for (let at = 0; at < all.length; at += size) parts.push(...reader.push(all.subarray(at, at + size)));
  return parts;
}

test("parts are read, however the stream is cut", () => {
  for (let size = 1; size <= STREAM.length; size++) {
    const parts = read(STREAM, size);
    assert.deepEqual(parts.map(({ data }) => Buffer.from(data).toString("latin1")), BODIES, `chunks of ${size}`);
    assert.equal(parts[0].headers.get("x-timestamp"), "1.5");
    assert.equal(parts[1].headers.get("x-sightline-stale"), "4");
  }
});

test("a part is handed out before the next one begins", () => {
  assert.equal(new PartReader().push(bytes(`--b\r\n${part("first")}`.slice(0, -7))).length, 1);
});

test("what is no such stream is refused", () => {
  for (const stream of [
    "<html>\r\n\r\n",
    "--b\r\nContent-Type: image/jpeg\r\n\r\n",
    "--b\r\nContent-Length: -1\r\n\r\n",
    "--b\r\nContent-Length: 99999999999\r\n\r\n",
    "x".repeat(5000),
  ]) {
    assert.throws(() => new PartReader().push(bytes(stream)), RangeError, stream.slice(0, 40));
  }
});
