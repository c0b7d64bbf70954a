/** What a decoder must be told about H.264 in Annex B (ITU-T H.264, annex B). Pure. */

const SEQUENCE_PARAMETERS = 7;
/** Parameter sets stand in front of a picture: what is further in is no parameter set. */
const MAX_LOOKED_AT_BYTES = 4096;

/**
 * The RFC 6381 codec string of an access unit, from its sequence parameter set.
 * @param {Uint8Array} unit
 * @returns {string | null} "avc1.64001F"; null if the unit has none
 */
export function h264CodecString(unit) {
  const end = Math.min(unit.length - 6, MAX_LOOKED_AT_BYTES);
  for (let at = 0; at < end; at++) {
    if (unit[at] !== 0 || unit[at + 1] !== 0 || unit[at + 2] !== 1) continue;
    if ((unit[at + 3] & 0x1f) !== SEQUENCE_PARAMETERS) continue;
    // Profile, constraints and level are the first three bytes, and no emulation prevention can fall among them.
    return `avc1.${[unit[at + 4], unit[at + 5], unit[at + 6]].map(hex).join("")}`;
  }
  return null;
}

/** @param {number} byte */
const hex = (byte) => byte.toString(16).toUpperCase().padStart(2, "0");
