/** A camera's ordered stream in the mock relay: a loop that goes on for ever, in both forms. */
import * as encode from "./encode.js";
import { later } from "./video.js";

/** Where the media time of a run begins, so that a page cannot rely on 0. */
const ORIGIN_US = 3_600_000_000;

export class Channel {
  #loop;
  #shape;
  #sequence = 0;
  #epoch;
  #beganUs;
  /** Frames of the group that runs. @type {import("./encode.js").MediaFrame[]} */
  #group = [];

  /**
   * @param {string} camera
   * @param {string} stream
   * @param {"h264" | "h265" | "aac"} codec
   * @param {import("./video.js").Loop} loop
   * @param {{width: number, height: number}} shape
   * @param {number} beganUs the same for all streams of a camera
   */
  constructor(camera, stream, codec, loop, shape, beganUs) {
    this.#beganUs = beganUs;
    this.#epoch = BigInt(beganUs);
    this.names = { camera, stream, codec };
    this.#loop = loop;
    this.#shape = shape;
  }

  /** The publisher starts anew: its media time does too. @param {number} beganUs */
  restart(beganUs) {
    this.#sequence = 0;
    this.#epoch = BigInt(beganUs);
    this.#beganUs = beganUs;
    this.#group = [];
  }

  /** Other parameters. @param {import("./video.js").Loop} loop @param {{width: number, height: number}} shape @param {number} beganUs */
  change(loop, shape, beganUs) {
    this.#loop = loop;
    this.#shape = shape;
    this.restart(beganUs);
  }

  init() {
    return encode.init({ ...this.names, mime: this.#loop.mime, data: this.#loop.init });
  }

  /** What a new viewer begins with: the group that runs; of sound, nothing. */
  group() {
    return this.names.codec === "aac" ? [] : [...this.#group];
  }

  /** Frames that are due now. */
  due() {
    const { samples, lengthUs } = this.#loop;
    const due = [];
    for (;;) {
      const loops = Math.floor(this.#sequence / samples.length);
      const sample = samples[this.#sequence % samples.length];
      const atUs = loops * lengthUs + sample.mediaUs;
      if (this.#beganUs + atUs > Date.now() * 1000) return due;
      const frame = {
        ...this.names,
        ...this.#shape,
        epoch: this.#epoch,
        sequence: ++this.#sequence,
        captureTimeUs: this.#beganUs + atUs,
        key: sample.key,
        mediaTimeUs: ORIGIN_US + atUs,
        data: sample.data,
        fragment: later(this.#loop, sample, ORIGIN_US + loops * lengthUs),
      };
      if (sample.key) this.#group = [];
      this.#group.push(frame);
      due.push(frame);
    }
  }
}
