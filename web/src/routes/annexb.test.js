import assert from "node:assert/strict";
import { test } from "node:test";
import { h264CodecString } from "./annexb.js";

const SPS = [0, 0, 0, 1, 0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9];
const PPS = [0, 0, 0, 1, 0x68, 0xeb, 0xe3];
const SLICE = [0, 0, 1, 0x65, 0x88, 0x84, 0x00, 0x33];

test("the codec string is read from the parameter set", () => {
  assert.equal(h264CodecString(Uint8Array.from([...SPS, ...PPS, ...SLICE])), "avc1.64001F");
  assert.equal(h264CodecString(Uint8Array.from([0, 0, 1, 0x09, 0xf0, ...SPS, ...PPS, ...SLICE])), "avc1.64001F");
});

test("a unit without parameters has none", () => {
  assert.equal(h264CodecString(Uint8Array.from(SLICE)), null);
  assert.equal(h264CodecString(new Uint8Array()), null);
});

test("every cut of a unit is read without harm", () => {
  for (let len = 0; len < SPS.length; len++) {
    const read = h264CodecString(Uint8Array.from(SPS.slice(0, len)));
    assert.ok(read === null || read === "avc1.64001F", `${len}: ${read}`);
  }
});
