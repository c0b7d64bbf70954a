/** Enlarging a picture within its box. Pure: CSS pixels, from the box's top left corner. */

/**
 * @typedef {{scale: number, x: number, y: number}} Zoom the picture is moved by `x`, `y`, then enlarged
 * @typedef {{width: number, height: number}} Box
 * @typedef {{x: number, y: number}} Point
 */

/** @type {Zoom} */
export const WHOLE = { scale: 1, x: 0, y: 0 };

const MAX_SCALE = 16;

/**
 * Keeps the picture over its whole box.
 * @param {Zoom} zoom
 * @param {Box} box
 * @returns {Zoom}
 */
function within({ scale, x, y }, box) {
  const bounded = Math.min(MAX_SCALE, Math.max(1, scale));
  // Without `|| 0` this would be -0 at times.
  return {
    scale: bounded,
    x: Math.min(0, Math.max(box.width * (1 - bounded), x)) || 0,
    y: Math.min(0, Math.max(box.height * (1 - bounded), y)) || 0,
  };
}

/**
 * Enlarges by `factor`; what is at `point` stays there.
 * @param {Zoom} zoom
 * @param {number} factor
 * @param {Point} point
 * @param {Box} box
 */
export function zoomAt(zoom, factor, point, box) {
  const scale = Math.min(MAX_SCALE, Math.max(1, zoom.scale * factor));
  const grown = scale / zoom.scale;
  return within({ scale, x: point.x - (point.x - zoom.x) * grown, y: point.y - (point.y - zoom.y) * grown }, box);
}

/**
 * @param {Zoom} zoom
 * @param {number} dx
 * @param {number} dy
 * @param {Box} box
 */
export function panBy(zoom, dx, dy, box) {
  return within({ ...zoom, x: zoom.x + dx, y: zoom.y + dy }, box);
}
