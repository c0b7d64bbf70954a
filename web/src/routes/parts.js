/**
 * Takes a multipart stream apart (RFC 2046, 5.1) as a relay sends it: every part has a Content-Length.
 * Pure. What is malformed throws a `RangeError`.
 */

/** Longer heads are not a relay's. */
const MAX_HEAD_BYTES = 4 << 10;
/** The largest frame that Sightline carries. */
const MAX_BODY_BYTES = 8 << 20;

/** @typedef {{headers: Map<string, string>, data: Uint8Array<ArrayBuffer>}} Part names are in lower case */

const text = new TextDecoder("latin1");

export class PartReader {
  #head = new Uint8Array(MAX_HEAD_BYTES);
  #headBytes = 0;
  /** The part whose body is being read. @type {Part | null} */
  #part = null;
  #bodyBytes = 0;

  /**
   * The parts that are complete with `chunk`.
   * @param {Uint8Array} chunk
   * @returns {Part[]}
   */
  push(chunk) {
    /** @type {Part[]} */
    const parts = [];
    let rest = chunk;
    while (rest.length > 0) {
      rest = this.#part ? this.#takeBody(this.#part, rest) : this.#takeHead(rest);
      if (!this.#part || this.#bodyBytes < this.#part.data.length) continue;
      parts.push(this.#part);
      this.#part = null;
    }
    return parts;
  }

  /** @param {Uint8Array} bytes */
  #takeHead(bytes) {
    for (const [at, byte] of bytes.entries()) {
      if (this.#headBytes === MAX_HEAD_BYTES) throw new RangeError("the head of a part is too long");
      this.#head[this.#headBytes++] = byte;
      if (byte !== 10 || !this.#headEnds()) continue;
      this.#begin(text.decode(this.#head.subarray(0, this.#headBytes)));
      this.#headBytes = 0;
      return bytes.subarray(at + 1);
    }
    return bytes.subarray(bytes.length);
  }

  /** Whether an empty line has been read, other than the one before a boundary. */
  #headEnds() {
    const end = this.#headBytes;
    if (end === 2) this.#headBytes = 0;
    const [a, b, c, d] = this.#head.subarray(end - 4, end);
    return end >= 4 && a === 13 && b === 10 && c === 13 && d === 10;
  }

  /** @param {string} head */
  #begin(head) {
    const [boundary, ...lines] = head.trimEnd().split("\r\n");
    if (!boundary.startsWith("--")) throw new RangeError("no boundary before a part");
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const length = headers.get("content-length") ?? "";
    if (!/^\d+$/.test(length) || Number(length) > MAX_BODY_BYTES) throw new RangeError(`a part of ${length} bytes`);
    this.#part = { headers, data: new Uint8Array(Number(length)) };
    this.#bodyBytes = 0;
  }

  /**
   * @param {Part} part
   * @param {Uint8Array} bytes
   */
  #takeBody({ data }, bytes) {
    const taken = bytes.subarray(0, data.length - this.#bodyBytes);
    data.set(taken, this.#bodyBytes);
    this.#bodyBytes += taken.length;
    return bytes.subarray(taken.length);
  }
}
