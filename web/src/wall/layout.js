/**
 * Where each camera of the wall goes. Pure: sizes are CSS pixels.
 *
 * Every tile has its camera's own shape. Rows keep the order of the cameras and are filled from edge to
 * edge; among all ways to break the cameras into rows, the one that shows the most picture wins.
 */

/** Between tiles. */
export const GAP = 8;
/** Smaller tiles show nothing worth seeing: then the wall scrolls. */
const MIN_TILE_WIDTH = 160;
/** What tiles are made as wide as, at least, when the wall scrolls anyway. */
const SCROLLED_TILE_WIDTH = 300;
/** Equal tiles are preferred while they show nearly as much, */
const EQUAL_BONUS = 1.12;
/** and so are rows from edge to edge over bands of nothing left and right. */
const WIDTH_BONUS = 0.4;
/** Rows are searched among so many ways at most; a wall that needs more scrolls. */
const MAX_ROWS = 40;

/**
 * @typedef {{x: number, y: number, width: number, height: number}} Tile
 * @typedef {{tiles: Tile[], height: number, scrolls: boolean}} Layout `height` of everything
 * @typedef {{width: number, height: number}} Space
 */

/**
 * @param {Space} space what there is
 * @param {number[]} ratios width to height of each camera
 * @param {number} columns 0: whatever shows the most
 * @returns {Layout}
 */
export function layout(space, ratios, columns) {
  if (ratios.length === 0 || space.width <= 0) return { tiles: [], height: 0, scrolls: false };
  if (columns > 0) return place(space, ratios, inColumns(space, ratios, columns), false);
  /** @type {{heights: number[], rows: number[][], area: number} | null} */
  let best = null;
  for (let count = 1; count <= Math.min(ratios.length, MAX_ROWS); count++) {
    for (const fill of [equalRows, filledRows]) {
      const found = fill(space, ratios, count);
      if (found && (!best || found.area > best.area)) best = found;
    }
  }
  if (best) return place(space, ratios, best, true);
  const fit = Math.max(1, Math.floor((space.width + GAP) / (Math.min(SCROLLED_TILE_WIDTH, space.width / 2 - GAP) + GAP)));
  return place(space, ratios, inColumns(space, ratios, fit), false);
}

/**
 * Rows of the same height.
 * @param {Space} space
 * @param {number[]} ratios
 * @param {number} count of rows
 */
function equalRows(space, ratios, count) {
  const rows = chunks(ratios, Math.ceil(ratios.length / count));
  if (rows.length !== count) return null;
  const height = Math.min(
    (space.height - GAP * (count - 1)) / count,
    ...rows.map((row) => naturalHeight(space.width, row)),
  );
  return judge(space, rows, rows.map(() => height), EQUAL_BONUS);
}

/**
 * Rows that are each as wide as the space, or all made smaller alike until they fit.
 * @param {Space} space
 * @param {number[]} ratios
 * @param {number} count of rows
 */
function filledRows(space, ratios, count) {
  const rows = balanced(ratios, count);
  const natural = rows.map((row) => naturalHeight(space.width, row));
  const scale = Math.min(1, (space.height - GAP * (count - 1)) / sum(natural));
  return judge(space, rows, natural.map((height) => height * scale), 1);
}

/**
 * @param {Space} space
 * @param {number[][]} rows
 * @param {number[]} heights
 * @param {number} bonus
 */
function judge(space, rows, heights, bonus) {
  let area = 0;
  let widest = 0;
  for (const [at, row] of rows.entries()) {
    widest = Math.max(widest, rowWidth(row, heights[at]));
    for (const ratio of row) {
      // Portrait cameras may be narrower than others, but not tiny either.
      if (heights[at] * Math.max(ratio, 1) < MIN_TILE_WIDTH) return null;
      area += heights[at] ** 2 * ratio;
    }
  }
  return { rows, heights, area: area * bonus * (1 + (WIDTH_BONUS * widest) / space.width) };
}

/**
 * @param {Space} space
 * @param {number[]} ratios
 * @param {number} columns
 */
function inColumns(space, ratios, columns) {
  const rows = chunks(ratios, columns);
  // A row that is not full is as high as it would be with more of the same.
  const heights = rows.map((row) => {
    const missing = columns - row.length;
    return naturalHeight(space.width, [...row, ...Array(missing).fill(sum(row) / row.length)]);
  });
  return { rows, heights };
}

/**
 * @param {Space} space
 * @param {number[]} ratios
 * @param {{rows: number[][], heights: number[]}} chosen
 * @param {boolean} centred rather than at the left, row by row
 * @returns {Layout}
 */
function place(space, ratios, { rows, heights }, centred) {
  /** @type {Tile[]} */
  const tiles = [];
  const widest = Math.max(...rows.map((row, at) => rowWidth(row, heights[at])));
  let y = 0;
  for (const [at, row] of rows.entries()) {
    // A last row that is not full begins where the others do.
    const own = heights.every((height) => height === heights[0]) ? widest : rowWidth(row, heights[at]);
    let x = centred ? Math.max(0, (space.width - own) / 2) : 0;
    for (const ratio of row) {
      tiles.push({ x, y, width: heights[at] * ratio, height: heights[at] });
      x += heights[at] * ratio + GAP;
    }
    y += heights[at] + GAP;
  }
  const height = y - GAP;
  return { tiles: tiles.slice(0, ratios.length).map(whole), height: Math.ceil(height), scrolls: height > space.height + 1 };
}

/** On whole pixels, so that edges are sharp. @param {Tile} tile @returns {Tile} */
function whole({ x, y, width, height }) {
  const left = Math.round(x);
  const top = Math.round(y);
  return { x: left, y: top, width: Math.round(x + width) - left, height: Math.round(y + height) - top };
}

/**
 * @param {number[]} row
 * @param {number} height
 */
function rowWidth(row, height) {
  return height * sum(row) + GAP * (row.length - 1);
}

/**
 * How high a row is that fills `width`.
 * @param {number} width
 * @param {number[]} row
 */
function naturalHeight(width, row) {
  return Math.max(1, (width - GAP * (row.length - 1)) / sum(row));
}

/**
 * Breaks `ratios` into `count` rows of nearly the same length; earlier rows are the shorter ones.
 * @param {number[]} ratios
 * @param {number} count
 */
function balanced(ratios, count) {
  /** @type {number[][]} */
  const rows = [];
  let rest = [...ratios];
  for (let left = count; left > 0; left--) {
    const share = sum(rest) / left;
    let take = 1;
    let length = rest[0];
    while (take < rest.length - (left - 1) && length + rest[take] <= share + 1e-9) length += rest[take++];
    if (left === 1) take = rest.length;
    rows.push(rest.slice(0, take));
    rest = rest.slice(take);
  }
  return rows;
}

/**
 * @param {number[]} list
 * @param {number} size
 */
function chunks(list, size) {
  /** @type {number[][]} */
  const rows = [];
  for (let at = 0; at < list.length; at += size) rows.push(list.slice(at, at + size));
  return rows;
}

/** @param {number[]} list */
const sum = (list) => list.reduce((total, each) => total + each, 0);
