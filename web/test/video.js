/**
 * Moving pictures and a tone for the mock relay, as H.264 and AAC in fragments: made by ffmpeg, shown in a loop.
 * Nothing of it is kept on disk.
 */
import { spawnSync } from "node:child_process";

/** Frames per second, and how many the loop has: one group. */
export const FPS = 24;
const SECONDS = 4;
const SAMPLE_RATE = 48_000;

/**
 * @typedef {object} Sample
 * @property {Buffer} fragment moof and mdat
 * @property {Buffer} data what is in it, the picture as Annex B
 * @property {boolean} key
 * @property {number} mediaUs decode time within the loop
 *
 * @typedef {object} Loop
 * @property {Buffer} init
 * @property {string} mime
 * @property {string} codecString
 * @property {number} timescale
 * @property {number} lengthUs
 * @property {Sample[]} samples
 */

/** @param {string[]} args */
function ffmpeg(args) {
  const { status, stdout, stderr } = spawnSync("ffmpeg", ["-v", "error", "-f", "lavfi", ...args, "-f", "mp4", "-movflags", "frag_every_frame+empty_moov+default_base_moof", "-"], { maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`ffmpeg: ${stderr}`);
  return stdout;
}

/** @param {number} width @param {number} height @param {number} key frames between two key frames @returns {Loop} */
export function video(width, height, key = FPS * 2) {
  const bytes = ffmpeg(["-i", `testsrc2=size=${width}x${height}:rate=${FPS}:duration=${SECONDS}`, "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", String(key), "-video_track_timescale", "90000"]);
  const sets = parameterSets(bytes);
  const codecString = `avc1.${sets[0].subarray(1, 4).toString("hex").toUpperCase()}`;
  return loop(bytes, "video", codecString, 90_000, (data, isKey) => annexB(data, isKey ? sets : []));
}

/** A tone that rises. @returns {Loop} */
export function sound() {
  const bytes = ffmpeg(["-i", `aevalsrc=0.1*sin(2*PI*t*(330+60*t)):s=${SAMPLE_RATE}:d=${SECONDS}`, "-c:a", "aac", "-b:a", "64k"]);
  return loop(bytes, "audio", "mp4a.40.2", SAMPLE_RATE, (data) => data);
}

/** Puts a fragment `us` later. @param {Loop} from @param {Sample} sample @param {number} us */
export function later({ timescale }, { fragment }, us) {
  const moved = Buffer.from(fragment);
  const at = moved.indexOf("tfdt");
  const ticks = BigInt(Math.round((us * timescale) / 1e6));
  if (moved[at + 4] === 1) moved.writeBigUInt64BE(moved.readBigUInt64BE(at + 8) + ticks, at + 8);
  else moved.writeUInt32BE(Number(BigInt(moved.readUInt32BE(at + 8)) + ticks), at + 8);
  return moved;
}

/**
 * @param {Buffer} bytes
 * @param {string} kind
 * @param {string} codecString
 * @param {number} timescale
 * @param {(data: Buffer, key: boolean) => Buffer} raw
 * @returns {Loop}
 */
function loop(bytes, kind, codecString, timescale, raw) {
  /** @type {Sample[]} */
  const samples = [];
  /** @type {Buffer} */
  let init = Buffer.alloc(0);
  /** @type {Buffer} */
  let moof = Buffer.alloc(0);
  for (let at = 0; at < bytes.length; ) {
    const len = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    const box = bytes.subarray(at, at + len);
    at += len;
    if (type === "ftyp" || type === "moov") init = Buffer.concat([init, box]);
    else if (type === "moof") moof = box;
    else if (type === "mdat") {
      const tfdt = moof.indexOf("tfdt");
      const ticks = moof[tfdt + 4] === 1 ? Number(moof.readBigUInt64BE(tfdt + 8)) : moof.readUInt32BE(tfdt + 8);
      const data = box.subarray(8);
      const key = kind === "audio" || [...units(data)].some((unit) => (unit[0] & 31) === 5);
      samples.push({ fragment: Buffer.concat([moof, box]), data: raw(data, key), key, mediaUs: Math.round((ticks * 1e6) / timescale) });
    }
  }
  const step = samples[1].mediaUs - samples[0].mediaUs;
  // Sound begins before 0 with ffmpeg's priming; a loop of whole units has no gap.
  const lengthUs = samples[samples.length - 1].mediaUs - samples[0].mediaUs + step;
  return { init, mime: `${kind}/mp4; codecs="${codecString}"`, codecString, timescale, lengthUs, samples };
}

/** The NAL units of a sample. @param {Buffer} data */
function* units(data) {
  for (let at = 0; at + 4 <= data.length; ) {
    const len = data.readUInt32BE(at);
    yield data.subarray(at + 4, at + 4 + len);
    at += 4 + len;
  }
}

const START = Buffer.from([0, 0, 0, 1]);

/** @param {Buffer} data @param {Buffer[]} sets */
const annexB = (data, sets) => Buffer.concat([...sets, ...units(data)].flatMap((unit) => [START, unit]));

/** SPS and PPS of an init segment. @param {Buffer} bytes */
function parameterSets(bytes) {
  let at = bytes.indexOf("avcC") + 4 + 5;
  const sets = [];
  for (let kind = 0; kind < 2; kind++) {
    let count = kind === 0 ? bytes[at] & 31 : bytes[at];
    at++;
    for (; count > 0; count--) {
      const len = bytes.readUInt16BE(at);
      sets.push(bytes.subarray(at + 2, at + 2 + len));
      at += 2 + len;
    }
  }
  return sets;
}
