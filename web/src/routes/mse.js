/**
 * Fragments of H.264, and sound, over the WebSocket that all players of a relay share, played by Media
 * Source: for pages that are not secure, and for whoever listens.
 *
 * @typedef {import("./route.js").Route} Route
 * @typedef {import("../wire/messages.js").WatchFrame} WatchFrame
 * @typedef {ReturnType<import("../connection/connection.js").Connection["watch"]>} Watch
 */
import { Gate } from "./gate.js";
import { MediaPlayback } from "./playback.js";
import { Retries } from "./retries.js";

/** The stream of the sound that belongs to a camera's pictures. */
const AUDIO = "audio";
/** Sound that did not come is tried again after so long. */
const SILENT_MS = 10_000;
/** A relay that still sends frames in another form does not know this one. */
const OTHER_FORM_MS = 3_000;

/** @param {import("./route.js").Sound} sound */
const heard = ({ on, offered }) => on && offered;

/** @implements {Route} */
export class MseRoute {
  words = "H.264 by Media Source";
  timed = true;
  fps = 0;
  element = document.createElement("div");
  #last = document.createElement("canvas");
  #video = document.createElement("video");
  #source;
  #events;
  #connect;
  #sound;
  #gate = new Gate();
  #retries = new Retries(3);
  /** Until then there is no sound, because it did not come. */
  #silentUntilMs = -Infinity;
  #openedAtMs = 0;
  /** @type {MediaPlayback | null} */
  #playback = null;
  /** @type {Watch[]} */
  #watches = [];

  /**
   * @param {import("./route.js").RouteSource} source
   * @param {import("./route.js").RouteEvents} events
   * @param {(wish: import("../connection/interest.js").Wish) => import("../connection/connection.js").Connection} connect
   */
  constructor(source, events, connect) {
    this.#source = source;
    this.#events = events;
    this.#connect = connect;
    this.#sound = source.sound;
    this.element.className = "stack";
    this.element.append(this.#last, this.#video);
    this.#video.playsInline = true;
    this.#video.disableRemotePlayback = true;
    this.#applySound();
  }

  /** What plays, for picture in picture. */
  get video() {
    return this.#video;
  }

  start() {
    if (!this.#playback) this.#open();
  }

  stop() {
    this.#close();
  }

  /** Frames need those before them, so none are left out. */
  setMaxFps() {}

  /** @param {import("./route.js").Sound} sound */
  setSound(sound) {
    const began = heard(sound) && !heard(this.#sound);
    this.#sound = sound;
    this.#applySound();
    // A buffer for sound cannot be added to one that plays. Once there, it stays until the route stops.
    if (began && this.#playback && !this.#playback.audible) this.#reopen();
  }

  /** @returns {Promise<Blob>} */
  snapshot() {
    this.#keep();
    if (this.#last.width === 0 || !this.#last.dataset.drawn) return Promise.reject(new Error("there is no picture yet"));
    return new Promise((done, fail) =>
      this.#last.toBlob((blob) => (blob ? done(blob) : fail(new Error("the picture cannot be encoded"))), "image/jpeg", 0.92),
    );
  }

  #applySound() {
    this.#video.muted = !this.#sound.on;
    this.#video.volume = this.#sound.volume;
  }

  #open() {
    const { camera, stream, targetS } = this.#source;
    const sound = heard(this.#sound) && performance.now() >= this.#silentUntilMs;
    this.#gate.close();
    this.#openedAtMs = performance.now();
    const playback = new MediaPlayback(this.#video, { targetS, sound }, {
      shown: (picture) => this.#events.shown(picture),
      muted: () => this.#events.muted(),
      silent: (built) => {
        this.#silentUntilMs = performance.now() + SILENT_MS;
        if (built) this.#reopen();
      },
      leaving: () => this.#keep(),
      forbidden: () => this.#giveUp("the browser lets no video play by itself"),
      failed: (why) => this.#failed(why),
    });
    this.#playback = playback;
    this.#watch(camera, stream, {
      init: ({ mime, data }) => playback.init("video", mime, data),
      frame: (frame) => this.#take(playback, frame),
      skipped: (frames) => {
        this.#gate.close();
        this.#events.dropped("slow connection", frames);
        this.#events.behind();
      },
      refused: (code, message) => (code === "unknown_form" ? this.#giveUp(message) : this.#events.refused(code, message)),
      retried: this.#events.retried,
    });
    if (!heard(this.#sound)) return;
    this.#watch(camera, AUDIO, {
      init: ({ mime, data }) => playback.init("audio", mime, data),
      frame: (frame) => {
        if (frame.form !== "fmp4" || playback !== this.#playback) return;
        this.#events.heard(frame.data.length);
        if (playback.audible) playback.beside(frame);
        else if (performance.now() >= this.#silentUntilMs) this.#reopen();
      },
      skipped: () => {},
      // Then there is a picture without sound.
      refused: () => {},
      retried: () => {},
    });
  }

  /**
   * @param {string} camera
   * @param {string} stream
   * @param {import("../connection/connection.js").Watcher} watcher
   */
  #watch(camera, stream, watcher) {
    const wish = { camera, stream, maxFps: 0, form: /** @type {const} */ ("fmp4") };
    this.#watches.push(this.#connect(wish).watch(wish, watcher));
  }

  /**
   * @param {MediaPlayback} playback
   * @param {WatchFrame} frame
   */
  #take(playback, frame) {
    if (playback !== this.#playback) return;
    if (frame.form !== "fmp4") {
      // For a moment, they may be what was asked for before.
      if (performance.now() - this.#openedAtMs > OTHER_FORM_MS) this.#giveUp("the relay sends no fragments");
      return;
    }
    this.#events.received(frame.data.length);
    if (this.#gate.admits(frame)) playback.picture(frame);
    else this.#events.dropped("waiting for a key frame", 1);
  }

  #reopen() {
    this.#close();
    this.#open();
  }

  /** @param {string} why */
  #failed(why) {
    this.#events.dropped("cannot be decoded", 1);
    if (this.#retries.again(performance.now())) this.#reopen();
    else this.#giveUp(why);
  }

  /** @param {string} why */
  #giveUp(why) {
    this.#close();
    this.#events.failed(why);
  }

  #close() {
    for (const watch of this.#watches) watch.end();
    this.#watches = [];
    this.#keep();
    this.#playback?.end();
    this.#playback = null;
  }

  /** Draws the picture below the video, so that it stays when the video has none. */
  #keep() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (width === 0 || height === 0 || this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    if (this.#last.width !== width) this.#last.width = width;
    if (this.#last.height !== height) this.#last.height = height;
    this.#last.getContext("2d")?.drawImage(this.#video, 0, 0, width, height);
    this.#last.dataset.drawn = "true";
  }
}
