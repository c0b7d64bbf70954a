import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Capabilities } from "./capabilities.js";

/** @type {import("./choose.js").Stream} */
const h264 = { name: "h264", codec: "h264", codecString: "avc1.640029", width: 0, height: 0, fps: 0, bitsPerSecond: 0 };
/** @type {import("./choose.js").Stream} */
const audio = { ...h264, name: "audio", codec: "aac", codecString: "mp4a.40.2" };

/** Browsers that play `codecs`. @param {string[]} codecs */
const source = (...codecs) => ({ isTypeSupported: (/** @type {string} */ mime) => codecs.some((codec) => mime.includes(`"${codec}"`)) });
/** @param {string[]} codecs @param {string[]} [asked] is added to */
const decoder = (codecs, asked = []) => ({
  async isConfigSupported(/** @type {{codec: string}} */ { codec }) {
    asked.push(codec);
    if (codec === "nonsense") throw new TypeError("no such codec");
    return { supported: codecs.includes(codec) };
  },
});

test("a page that is not secure has no WebCodecs, whatever the browser has", () => {
  const here = new Capabilities({ isSecureContext: false, VideoDecoder: decoder(["avc1.640029"]) });
  assert.equal(here.able("webcodecs", h264).ok, false);
  assert.match(here.able("webcodecs", h264).why, /https/);
});

test("the browser is asked once for each codec, and the answer is told", async () => {
  /** @type {string[]} */
  const asked = [];
  const here = new Capabilities({ isSecureContext: true, VideoDecoder: decoder(["avc1.640029"], asked) });
  assert.equal(here.able("webcodecs", h264).ok, null);
  assert.equal(here.able("webcodecs", h264).ok, null);
  await once(here, "change");
  assert.equal(here.able("webcodecs", h264).ok, true);
  const other = { ...h264, codecString: "nonsense" };
  assert.equal(here.able("webcodecs", other).ok, null);
  await once(here, "change");
  assert.equal(here.able("webcodecs", other).ok, false);
  assert.deepEqual(asked, ["avc1.640029", "nonsense"]);
});

test("before a camera has told its parameters, the usual ones are asked about", () => {
  const here = new Capabilities({ MediaSource: source("avc1.42E01F") });
  assert.equal(here.able("mse", { ...h264, codecString: "" }).ok, true);
  assert.equal(here.able("mse", h264).ok, false);
  assert.equal(here.able("mse", { ...h264, codec: "h265", codecString: "" }).ok, false);
});

test("the managed Media Source is taken where that is what there is", () => {
  assert.equal(new Capabilities({ ManagedMediaSource: source("avc1.640029") }).able("mse", h264).ok, true);
  assert.equal(new Capabilities({}).able("mse", h264).ok, false);
});

test("sound is heard where its codec plays", () => {
  const here = new Capabilities({ MediaSource: source("mp4a.40.2") });
  assert.equal(here.hears(audio), true);
  assert.equal(here.hears({ ...audio, codecString: "mp4a.40.42" }), false);
  assert.equal(here.hears(h264), false);
  assert.equal(new Capabilities({}).hears(audio), false);
});
