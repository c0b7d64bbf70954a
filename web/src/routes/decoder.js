/**
 * Decodes JPEG. A worker does it for all players of the page: the decoder itself is on threads of the browser's own in
 * any case, but giving it the data is most of what scripts would take the main thread's time for. The page does it itself
 * until the worker is ready, and where there is none: a page of another origin may not start it.
 */

/** @typedef {{jpeg: Uint8Array, done: (bitmap: ImageBitmap | Promise<ImageBitmap>) => void, fail: (error: Error) => void}} Job */

/** @param {Uint8Array} jpeg */
export const jpegBlob = (jpeg) => new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (jpeg)], { type: "image/jpeg" });

export class Decoder {
  #start;
  /** @type {Worker | null} */
  #worker = null;
  #started = false;
  #lastId = 0;
  /** What the worker is asked for: at most one picture of each player. @type {Map<number, Job>} */
  #jobs = new Map();
  #here;

  /**
   * @param {() => Worker} start throws where workers are not allowed
   * @param {(blob: Blob) => Promise<ImageBitmap>} [here] decodes on this thread
   */
  constructor(start, here = (blob) => createImageBitmap(blob)) {
    this.#start = start;
    this.#here = here;
  }

  /** Rejects if it is no picture. @param {Uint8Array} jpeg @returns {Promise<ImageBitmap>} */
  decode(jpeg) {
    if (!this.#started) this.#begin();
    const worker = this.#worker;
    if (!worker) return this.#here(jpegBlob(jpeg));
    return new Promise((done, fail) => {
      const id = ++this.#lastId;
      this.#jobs.set(id, { jpeg, done, fail });
      // Others may read the message that it is a part of, so a copy goes.
      const copy = jpeg.slice();
      worker.postMessage({ id, jpeg: copy }, [copy.buffer]);
    });
  }

  #begin() {
    this.#started = true;
    let worker;
    try {
      worker = this.#start();
    } catch {
      return;
    }
    worker.onmessage = ({ data }) => {
      if (data === "ready") this.#worker = worker;
      else this.#answer(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      this.#worker = null;
      for (const { jpeg, done } of this.#jobs.values()) done(this.#here(jpegBlob(jpeg)));
      this.#jobs.clear();
    };
  }

  /** @param {{id: number, bitmap: ImageBitmap | null}} answer */
  #answer({ id, bitmap }) {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    if (bitmap) job?.done(bitmap);
    else job?.fail(new Error("not a picture"));
  }
}

/** Of this page. */
const decoder = new Decoder(() => new Worker(new URL("./decoder.worker.js", import.meta.url), { type: "module" }));

/** Rejects if it is no picture. @param {Uint8Array} jpeg */
export const decode = (jpeg) => decoder.decode(jpeg);
