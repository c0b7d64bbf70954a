import { BYTES, FIXED32, VARINT } from "./reader.js";

const text = new TextEncoder();

/**
 * Writes protobuf's wire format. Fields at their default are left out, as proto3 wants it.
 * For the small messages that a viewer sends.
 */
export class Writer {
  /** @type {number[]} */
  #bytes = [];

  /** What was written. */
  finish() {
    return Uint8Array.from(this.#bytes);
  }

  /**
   * @param {number} field
   * @param {string} value
   */
  string(field, value) {
    if (value !== "") this.message(field, text.encode(value));
    return this;
  }

  /**
   * A submessage that is there even when it is empty.
   * @param {number} field
   * @param {Uint8Array} value
   */
  message(field, value) {
    this.#varint(BigInt((field << 3) | BYTES));
    this.#varint(BigInt(value.length));
    for (const byte of value) this.#bytes.push(byte);
    return this;
  }

  /**
   * @param {number} field
   * @param {number} value
   */
  float(field, value) {
    if (value === 0) return this;
    this.#varint(BigInt((field << 3) | FIXED32));
    this.#bytes.push(...new Uint8Array(new Float32Array([value]).buffer));
    return this;
  }

  /**
   * @param {number} field
   * @param {number} value a whole number
   */
  int64(field, value) {
    if (value === 0) return this;
    this.#varint(BigInt((field << 3) | VARINT));
    this.#varint(BigInt.asUintN(64, BigInt(value)));
    return this;
  }

  /** @param {bigint} value */
  #varint(value) {
    while (value > 0x7fn) {
      this.#bytes.push(Number(value & 0x7fn) | 0x80);
      value >>= 7n;
    }
    this.#bytes.push(Number(value));
  }
}
