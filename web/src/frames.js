/** Frames that wait for a reader who takes one after the other. */
import { Gate } from "./routes/gate.js";

/** @typedef {import("./wire/messages.js").WatchFrame} WatchFrame */

/** More of an ordered stream does not wait: it goes on with the next key frame. */
const MAX_WAITING_BYTES = 32 << 20;

export class FrameQueue {
  /** @type {WatchFrame[]} */
  #waiting = [];
  #waitingBytes = 0;
  #gate = new Gate();
  #ended = false;
  /** @type {Error | null} */
  #error = null;
  /** @type {(() => void) | null} */
  #wake = null;

  /** @param {WatchFrame} frame */
  put(frame) {
    if (this.#ended) return;
    if (frame.codec === "jpeg") {
      // Of pictures, only the newest is worth having.
      this.#clear();
    } else {
      if (this.#waitingBytes + frame.data.length > MAX_WAITING_BYTES) {
        this.#clear();
        this.#gate.close();
      }
      if (!this.#gate.admits(frame)) return;
    }
    this.#waiting.push(frame);
    this.#waitingBytes += frame.data.length;
    this.#wake?.();
  }

  /** What comes next does not follow what came before. */
  gap() {
    this.#gate.close();
  }

  /** No more frames come. @param {Error | null} error what the reader is told */
  end(error) {
    this.#ended = true;
    this.#error = error;
    this.#clear();
    this.#wake?.();
  }

  /** The next frame; null at the end. Rejects with the error that ended it. @returns {Promise<WatchFrame | null>} */
  async next() {
    while (this.#waiting.length === 0) {
      if (this.#error) throw this.#error;
      if (this.#ended) return null;
      await /** @type {Promise<void>} */ (new Promise((wake) => (this.#wake = wake)));
      this.#wake = null;
    }
    const [frame] = this.#waiting.splice(0, 1);
    this.#waitingBytes -= frame.data.length;
    return frame;
  }

  #clear() {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}
