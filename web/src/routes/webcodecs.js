/**
 * H.264 or H.265 access units over the WebSocket that all players of a relay share, decoded by WebCodecs: the
 * quickest way there is, for pages over https or of this machine.
 *
 * There is no worker in between: the browser decodes on threads of its own, what is left here is to hand frames
 * over and to draw the newest one, and workers of another origin, as in an embedded player, are forbidden.
 *
 * @typedef {import("./route.js").Route} Route
 */
import { h264CodecString } from "./annexb.js";
import { Backlog } from "./backlog.js";
import { decoderConfig } from "./capabilities.js";
import { Gate } from "./gate.js";
import { Retries } from "./retries.js";

/** How long a picture waits for a newer one while the decoder catches up. */
const HOLD_MS = 12;

/** @implements {Route} */
export class WebCodecsRoute {
  timed = true;
  fps = 0;
  element = document.createElement("canvas");
  #context = /** @type {CanvasRenderingContext2D} */ (this.element.getContext("2d"));
  #source;
  #events;
  #connect;
  #gate = new Gate();
  #backlog = new Backlog();
  #retries = new Retries(3);
  /** The first is that of a machine that starts many players at once. */
  #overloads = new Retries(2);
  /** @type {VideoDecoder | null} */
  #decoder = null;
  #codecString = "";
  #shown = false;
  /** A picture that is shown unless a newer one comes within moments. @type {{picture: VideoFrame, timer: ReturnType<typeof setTimeout>} | null} */
  #held = null;
  /** @type {ReturnType<import("../connection/connection.js").Connection["watch"]> | null} */
  #watch = null;

  /**
   * @param {import("./route.js").RouteSource} source
   * @param {import("./route.js").RouteEvents} events
   * @param {(wish: import("../connection/interest.js").Wish) => import("../connection/connection.js").Connection} connect
   */
  constructor(source, events, connect) {
    this.words = `${source.codec === "h265" ? "H.265" : "H.264"} by WebCodecs`;
    this.#source = source;
    this.#events = events;
    this.#connect = connect;
  }

  start() {
    if (this.#watch) return;
    const { camera, stream } = this.#source;
    const wish = { camera, stream, maxFps: 0, form: /** @type {const} */ ("frame") };
    this.#gate.close();
    this.#backlog.begin(performance.now());
    this.#watch = this.#connect(wish).watch(wish, {
      frame: (frame) => frame.form === "frame" && this.#take(frame),
      skipped: (frames) => {
        this.#gate.close();
        this.#events.dropped("slow connection", frames);
        this.#events.behind();
      },
      refused: this.#events.refused,
      retried: this.#events.retried,
    });
  }

  stop() {
    this.#watch?.end();
    this.#watch = null;
    this.#close();
  }

  /** Frames need those before them, so none are left out. */
  setMaxFps() {}

  /** There is none on this route. */
  setSound() {}

  /** @returns {Promise<Blob>} */
  snapshot() {
    if (!this.#shown) return Promise.reject(new Error("there is no picture yet"));
    return new Promise((done, fail) =>
      this.element.toBlob((blob) => (blob ? done(blob) : fail(new Error("the picture cannot be encoded"))), "image/jpeg", 0.92),
    );
  }

  /** @param {import("../wire/messages.js").WatchFrame} frame */
  #take(frame) {
    this.#events.received(frame.data.length);
    const nowMs = performance.now();
    if (this.#backlog.overloaded(nowMs)) {
      this.#events.dropped("slow decoder", this.#backlog.length);
      this.#close();
      if (!this.#overloads.again(nowMs)) return this.#events.overloaded();
    }
    if (!this.#gate.admits(frame)) return this.#events.dropped("waiting for a key frame", 1);
    try {
      if (frame.key) this.#prepare(frame.data);
      const { captureTimeUs, arrivalTimeUs, stale } = frame;
      this.#backlog.put({ timestamp: captureTimeUs, putAtMs: nowMs, stale, captureTimeUs, arrivalTimeUs });
      this.#decoder?.decode(
        new EncodedVideoChunk({
          type: frame.key ? "key" : "delta",
          timestamp: captureTimeUs,
          data: /** @type {Uint8Array<ArrayBuffer>} */ (frame.data),
        }),
      );
    } catch (error) {
      this.#failed(error);
    }
  }

  /** A decoder for the parameters that a key frame brings along. @param {Uint8Array} unit */
  #prepare(unit) {
    const { codec, codecString } = this.#source;
    const found = codec === "h264" ? h264CodecString(unit) : codecString;
    const needed = found || this.#codecString || codecString || "avc1.42E01F";
    if (this.#decoder?.state === "configured" && needed === this.#codecString) return;
    if (!this.#decoder || this.#decoder.state === "closed") {
      /** @type {VideoDecoder} */
      const decoder = new VideoDecoder({
        output: (picture) => this.#show(decoder, picture),
        error: (error) => decoder === this.#decoder && this.#failed(error),
      });
      this.#decoder = decoder;
    }
    this.#codecString = needed;
    this.#decoder.configure(decoderConfig(needed));
  }

  /**
   * @param {VideoDecoder} decoder
   * @param {VideoFrame} picture
   */
  #show(decoder, picture) {
    const entry = decoder === this.#decoder ? this.#backlog.take(picture.timestamp) : null;
    this.#letGo();
    if (!entry) picture.close();
    else if (this.#backlog.verdict(entry, performance.now()) === "shown") this.#draw(picture, entry);
    else {
      const timer = setTimeout(() => {
        this.#held = null;
        this.#draw(picture, entry);
      }, HOLD_MS);
      this.#held = { picture, timer };
    }
  }

  /**
   * @param {VideoFrame} picture
   * @param {import("./backlog.js").Entry} entry
   */
  #draw(picture, { stale, captureTimeUs, arrivalTimeUs }) {
    const { displayWidth: width, displayHeight: height } = picture;
    if (this.element.width !== width) this.element.width = width;
    if (this.element.height !== height) this.element.height = height;
    this.#context.drawImage(picture, 0, 0, width, height);
    picture.close();
    this.#shown = true;
    this.#events.shown({ width, height, stale, captureTimeUs, arrivalTimeUs });
  }

  /** A newer picture is here, or none is wanted any more. */
  #letGo() {
    clearTimeout(this.#held?.timer);
    this.#held?.picture.close();
    this.#held = null;
  }

  /** @param {unknown} error */
  #failed(error) {
    this.#events.dropped("cannot be decoded", Math.max(1, this.#backlog.length));
    this.#close();
    // It goes on with the next key frame, unless it fails again and again.
    if (this.#retries.again(performance.now())) return;
    this.#events.failed(`the decoder gives up: ${error instanceof Error ? error.message : error}`);
  }

  #close() {
    this.#gate.close();
    this.#letGo();
    const decoder = this.#decoder;
    this.#decoder = null;
    this.#codecString = "";
    this.#backlog.begin(performance.now());
    if (decoder && decoder.state !== "closed") decoder.close();
  }
}
