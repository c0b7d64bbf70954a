/** How many frames a second a tile is worth. Pure. */

/** Motion in tiles narrower than this is small, CSS pixels. */
const SMALL = 240;
const MEDIUM = 420;
/** More live tiles than this together keep a machine busy. */
const MANY = 16;

/**
 * @param {number} width of the tile, CSS pixels
 * @param {number} tiles that are seen at once
 * @returns {number} frames per second; 0: all of them
 */
export function tileFps(width, tiles) {
  if (width < SMALL) return tiles > MANY ? 8 : 12;
  if (width < MEDIUM || tiles > MANY) return 15;
  return 0;
}
