/** One SourceBuffer, and what waits for it. */

/** A buffer that does not take what comes for so long that this much waits is stuck. */
const MAX_WAITING_BYTES = 16 << 20;

/**
 * @typedef {{data: Uint8Array, mime?: string, offsetS?: number}} Piece an init segment has its mime type, a
 *   fragment what is added to its times
 *
 * @typedef {object} TrackEvents
 * @property {() => void} updated something was added or removed
 * @property {() => number | null} full the browser has no room: until where to remove, null: nothing can be
 * @property {(why: string) => void} failed it cannot go on
 */

export class Track {
  /** @type {Piece[]} */
  #waiting = [];
  #waitingBytes = 0;
  #mime;
  #events;
  /** @type {SourceBuffer | null} */
  #buffer = null;
  #removeUntilS = 0;

  /**
   * @param {Piece & {mime: string}} init
   * @param {TrackEvents} events
   */
  constructor(init, events) {
    this.#mime = init.mime;
    this.#events = events;
    this.put(init);
  }

  /** Where what is buffered ends, seconds; null if nothing is. */
  get endS() {
    const ranges = this.#buffer?.buffered;
    return ranges?.length ? ranges.end(ranges.length - 1) : null;
  }

  /** Where what is buffered begins. */
  get startS() {
    return this.#buffer?.buffered.length ? this.#buffer.buffered.start(0) : null;
  }

  /** @param {MediaSource} media that is open */
  open(media) {
    this.#buffer = media.addSourceBuffer(this.#mime);
    this.#buffer.mode = "segments";
    this.#buffer.onupdateend = () => {
      this.#events.updated();
      this.#pump();
    };
    this.#buffer.onerror = () => this.#events.failed("the browser cannot read the stream");
    this.#pump();
  }

  /** Nothing is told any more. */
  close() {
    if (this.#buffer) this.#buffer.onupdateend = this.#buffer.onerror = null;
    this.#waiting = [];
  }

  /** @param {Piece} piece */
  put(piece) {
    this.#waiting.push(piece);
    this.#waitingBytes += piece.data.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES) this.#events.failed("the browser does not take the stream");
    else this.#pump();
  }

  /** @param {number} untilS */
  remove(untilS) {
    this.#removeUntilS = untilS;
    this.#pump();
  }

  #pump() {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating) return;
    try {
      if (this.#removeUntilS > 0) {
        const untilS = this.#removeUntilS;
        this.#removeUntilS = 0;
        buffer.remove(0, untilS);
      } else if (this.#waiting.length > 0) this.#append(buffer);
    } catch (error) {
      this.#events.failed(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {SourceBuffer} buffer */
  #append(buffer) {
    const { mime, offsetS } = this.#waiting[0];
    if (mime && mime !== this.#mime) {
      buffer.changeType(mime);
      this.#mime = mime;
    }
    if (offsetS !== undefined && offsetS !== buffer.timestampOffset) buffer.timestampOffset = offsetS;
    // What belongs together goes together: an update for each frame of a group would take long.
    let count = 1;
    while (!mime && count < this.#waiting.length && this.#waiting[count].offsetS === offsetS) count++;
    const pieces = this.#waiting.slice(0, count).map(({ data }) => data);
    try {
      buffer.appendBuffer(/** @type {Uint8Array<ArrayBuffer>} */ (joined(pieces)));
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "QuotaExceededError") throw error;
      const untilS = this.#events.full();
      if (untilS === null) throw error;
      buffer.remove(0, untilS);
      return;
    }
    this.#waiting.splice(0, count);
    for (const { length } of pieces) this.#waitingBytes -= length;
  }
}

/** @param {Uint8Array[]} pieces at least one */
function joined(pieces) {
  if (pieces.length === 1) return pieces[0];
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
