/**
 * Reads protobuf's wire format: https://protobuf.dev/programming-guides/encoding/
 *
 * Byte fields are views into the message, not copies. What is malformed throws a `RangeError`.
 */

/** Wire types. */
export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

const text = new TextDecoder();

export class Reader {
  /** @param {Uint8Array} bytes one message */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
    /** The number of the current field. */
    this.field = 0;
    /** The wire type of the current field. */
    this.type = 0;
  }

  /** Moves to the next field; false at the end. */
  next() {
    if (this.at >= this.bytes.length) return false;
    const tag = this.uint32();
    this.field = tag >>> 3;
    this.type = tag & 7;
    if (this.field === 0) throw new RangeError("field number 0");
    return true;
  }

  /** Passes over the value of a field that is not known here, or not of the expected type. */
  skip() {
    if (this.type === VARINT) this.#varint();
    else if (this.type === FIXED64) this.#advance(8);
    else if (this.type === BYTES) this.#advance(this.uint32());
    else if (this.type === FIXED32) this.#advance(4);
    else throw new RangeError(`wire type ${this.type}`);
  }

  /** The low 32 bits of a varint. */
  uint32() {
    return this.#varint().low;
  }

  /** A number that is exact up to 2^53. */
  uint64() {
    const { low, high } = this.#varint();
    return high * 2 ** 32 + low;
  }

  /** A number that is exact between -2^53 and 2^53. */
  int64() {
    const { low, high } = this.#varint();
    return (high | 0) * 2 ** 32 + low;
  }

  bool() {
    const { low, high } = this.#varint();
    return (low | high) !== 0;
  }

  fixed64() {
    const at = this.#advance(8);
    return this.view.getBigUint64(at, true);
  }

  float() {
    const at = this.#advance(4);
    return this.view.getFloat32(at, true);
  }

  /** A view into the message. */
  data() {
    const len = this.uint32();
    const at = this.#advance(len);
    return this.bytes.subarray(at, at + len);
  }

  string() {
    return text.decode(this.data());
  }

  /** @param {number} len */
  #advance(len) {
    const at = this.at;
    if (len > this.bytes.length - at) throw new RangeError("truncated message");
    this.at = at + len;
    return at;
  }

  #varint() {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.bytes[this.#advance(1)];
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) return { low: low >>> 0, high: high >>> 0 };
    }
    throw new RangeError("varint of more than 10 bytes");
  }
}
