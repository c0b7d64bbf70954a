/**
 * One MediaSource that plays in a `<video>`, close behind what comes: its tracks, its place in time, and its end.
 *
 * It never freezes: gaps are jumped, what is far behind is left, and what does not go on is told, to be built anew.
 * It looks at the time when data has been taken, because pages in the background have slow timers.
 */
import { Target, removeUntil, steer } from "../player/steer.js";
import { mediaSourceOf } from "./capabilities.js";
import { Timeline } from "./timeline.js";
import { Track } from "./track.js";

/** @typedef {import("../wire/messages.js").WatchFrame} WatchFrame */

/** A stream that begins is brought to its newest frame at once. */
const STARTING_MS = 2_000;
/** A player that had nothing to show for longer did not wait for an uneven arrival: the camera stood still. */
const UNEVEN_MS = 1_000;
/** The picture waits for the sound's parameters for so long, and then goes on without. */
const SOUND_GRACE_MS = 1_500;
/** Sound that ends so far from where the picture ends holds it up: nothing plays where one of them is missing. */
const SOUND_APART_S = 1.5;
/** Frames come, and none is shown for so long: the player is stuck. */
const STUCK_MS = 3_000;
/** Sound that waits for the first picture: four seconds of it. More is not waited for. */
const MAX_EARLY_SOUND = 200;

/**
 * @typedef {object} PlaybackEvents
 * @property {(picture: import("./route.js").Picture) => void} shown
 * @property {() => void} muted the browser does not allow sound before the reader has clicked somewhere
 * @property {() => void} leaving it goes to another place in time: until that is decoded, the video has no picture
 * @property {() => void} forbidden the browser lets no video play by itself
 * @property {(built: boolean) => void} silent the sound that is wanted does not come; one that was built with it must
 *   be built anew without
 * @property {(why: string) => void} failed it does not go on: build another one
 */

export class MediaPlayback {
  #video;
  #events;
  #media;
  #timeline = new Timeline();
  #target;
  /** @type {Map<"video" | "audio", Track>} */
  #tracks = new Map();
  #wantsSound;
  /** @type {WatchFrame[]} */
  #earlySound = [];
  #opened = false;
  #built = false;
  #ended = false;
  #beganAtMs = performance.now();
  /** When frames began to come since one was shown. @type {number | null} */
  #unshownSinceMs = null;
  /** @type {number | null} */
  #drySinceMs = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #grace;

  /**
   * @param {HTMLVideoElement} video
   * @param {{targetS: number, sound: boolean}} wishes
   * @param {PlaybackEvents} events
   */
  constructor(video, { targetS, sound }, events) {
    this.#video = video;
    this.#events = events;
    this.#target = new Target(targetS);
    this.#wantsSound = sound;
    this.#media = new (/** @type {import("./capabilities.js").MediaSourceClass} */ (mediaSourceOf(globalThis)))();
    this.#media.onsourceopen = () => {
      URL.revokeObjectURL(video.src);
      this.#opened = true;
      this.#build();
    };
    video.src = URL.createObjectURL(this.#media);
    video.onerror = () => this.#fail(video.error?.message || "the browser cannot play the stream");
    video.onwaiting = () => this.#dry();
    video.onplaying = () => this.#flows();
    // Pictures are not told of in the background, where sound may go on.
    video.ontimeupdate = () => (document.hidden || !video.requestVideoFrameCallback) && this.#shown(video.currentTime);
    this.#await();
  }

  /** Whether it has sound, or waits for it. */
  get audible() {
    return this.#wantsSound;
  }

  /**
   * The parameters of what comes next.
   * @param {"video" | "audio"} kind
   * @param {string} mime
   * @param {Uint8Array} data
   */
  init(kind, mime, data) {
    if (this.#ended) return;
    const track = this.#tracks.get(kind);
    if (track) return track.put({ data, mime });
    // The sound's come after the picture went on without it.
    if (this.#built || (kind === "audio" && !this.#wantsSound)) return;
    this.#tracks.set(
      kind,
      new Track({ data, mime }, {
        updated: () => this.#updated(),
        full: () => this.#removable(true),
        failed: (why) => this.#fail(why),
      }),
    );
    if (kind === "video" && this.#wantsSound && !this.#tracks.has("audio")) {
      this.#grace ??= setTimeout(() => {
        this.#wantsSound = false;
        this.#events.silent(false);
        this.#build();
      }, SOUND_GRACE_MS);
    }
    this.#build();
  }

  /** @param {WatchFrame} frame that can be decoded after those before it */
  picture(frame) {
    const track = this.#tracks.get("video");
    if (!track || this.#ended) return;
    this.#unshownSinceMs ??= performance.now();
    track.put({ data: frame.data, offsetS: this.#timeline.place(frame, track.endS ?? 0) });
    for (const early of this.#earlySound.splice(0)) this.beside(early);
  }

  /** @param {WatchFrame} frame of the sound */
  beside(frame) {
    const track = this.#tracks.get("audio");
    if (!track || this.#ended) return;
    const offsetS = this.#timeline.beside(frame);
    if (offsetS !== null) return track.put({ data: frame.data, offsetS });
    this.#earlySound.push(frame);
    if (this.#earlySound.length > MAX_EARLY_SOUND) this.#earlySound.shift();
  }

  end() {
    this.#ended = true;
    clearTimeout(this.#grace);
    for (const track of this.#tracks.values()) track.close();
    this.#media.onsourceopen = null;
    const video = this.#video;
    video.onerror = video.onwaiting = video.onplaying = video.ontimeupdate = null;
    video.removeAttribute("src");
    video.load();
  }

  /** Begins once the parameters of everything that is wanted are known: later, nothing can be added. */
  #build() {
    if (this.#built || !this.#opened || this.#ended || !this.#tracks.has("video")) return;
    if (this.#wantsSound && !this.#tracks.has("audio")) return;
    this.#built = true;
    clearTimeout(this.#grace);
    try {
      // A live stream has no end; some browsers refuse to say so.
      this.#media.duration = Infinity;
      for (const track of this.#tracks.values()) track.open(this.#media);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  #updated() {
    const video = this.#video;
    const nowMs = performance.now();
    if (this.#unshownSinceMs !== null && nowMs - this.#unshownSinceMs > STUCK_MS) return this.#fail("no picture is shown of what comes");
    if (this.#soundIsApart()) return this.#events.silent(true);
    const untilS = this.#removable(false);
    if (untilS !== null) for (const track of this.#tracks.values()) track.remove(untilS);
    if (video.seeking) return;
    const ranges = Array.from({ length: video.buffered.length }, (_, at) => ({ startS: video.buffered.start(at), endS: video.buffered.end(at) }));
    const { seekS, rate } = steer({
      currentS: video.currentTime,
      ranges,
      targetS: this.#target.at(nowMs),
      rate: video.playbackRate,
      starting: nowMs - this.#beganAtMs < STARTING_MS,
    });
    if (seekS !== null) {
      this.#events.leaving();
      video.currentTime = seekS;
    }
    if (video.playbackRate !== rate) video.playbackRate = rate;
    if (video.paused && ranges.length > 0) void this.#play();
  }

  #dry() {
    if (this.#built && !this.#video.seeking) this.#drySinceMs ??= performance.now();
  }

  #flows() {
    const nowMs = performance.now();
    if (this.#drySinceMs === null) return;
    if (nowMs - this.#drySinceMs < UNEVEN_MS) this.#target.ranDry(nowMs);
    else this.#beganAtMs = nowMs;
    this.#drySinceMs = null;
  }

  #soundIsApart() {
    const [picture, sound] = [this.#tracks.get("video")?.endS, this.#tracks.get("audio")?.endS];
    if (!this.#tracks.has("audio") || performance.now() - this.#beganAtMs < STARTING_MS) return false;
    return typeof picture === "number" && Math.abs(picture - (sound ?? 0)) > SOUND_APART_S;
  }

  /** @param {boolean} full */
  #removable(full) {
    return removeUntil(this.#video.currentTime, this.#tracks.get("video")?.startS ?? 0, this.#timeline.keysS, full);
  }

  async #play() {
    const video = this.#video;
    try {
      await video.play();
    } catch (error) {
      const forbidden = error instanceof DOMException && error.name === "NotAllowedError";
      if (!forbidden || this.#ended) return;
      if (video.muted) return this.#events.forbidden();
      video.muted = true;
      this.#events.muted();
      void this.#play();
    }
  }

  /** Waits for the next picture on the screen. */
  #await() {
    this.#video.requestVideoFrameCallback?.((_, { mediaTime }) => {
      if (this.#ended) return;
      this.#shown(mediaTime);
      this.#await();
    });
  }

  /** @param {number} atS */
  #shown(atS) {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (this.#ended || !this.#built || width === 0) return;
    this.#unshownSinceMs = null;
    this.#events.shown({ width, height, arrivalTimeUs: 0, ...this.#timeline.at(atS) });
  }

  /** @param {string} why */
  #fail(why) {
    if (!this.#ended) this.#events.failed(why);
  }
}
