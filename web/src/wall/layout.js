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
const USUAL_RATIO = 1.6;
/** What tiles are made as wide as, at least, when the wall scrolls anyway. */
const SCROLLED_TILE_WIDTH = 300;
/** Equal tiles are preferred while they show nearly as much, */
const EQUAL_BONUS = 1.12;
/** unless their rows end at places that differ by more than this, */
const RAGGED = 0.97;
/** and so are rows from edge to edge over bands of nothing left and right. */
const WIDTH_BONUS = 0.4;
/** A wall that needs more rows scrolls. */
const MAX_ROWS = 24;
/** Of more cameras, only the first count for the search: it takes their square. The wall scrolls anyway. */
const MAX_SEARCHED = 300;

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
  const balanced = balancedRows(ratios, Math.min(ratios.length, MAX_ROWS));
  for (const [at, rows] of balanced.entries()) {
    for (const found of [equalRows(space, ratios, at + 1), filledRows(space, rows)]) {
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
  const full = (rows.length > 1 ? rows.slice(0, -1) : rows).map((row) => rowWidth(row, height));
  const ragged = Math.min(...full) < RAGGED * Math.max(...full);
  return judge(space, rows, rows.map(() => height), ragged ? 1 : EQUAL_BONUS);
}

/**
 * Rows that are each as wide as the space, or all made smaller alike until they fit.
 * @param {Space} space
 * @param {number[][]} rows
 */
function filledRows(space, rows) {
  const natural = rows.map((row) => naturalHeight(space.width, row));
  const scale = Math.min(1, (space.height - GAP * (rows.length - 1)) / sum(natural));
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
  let width = 0;
  for (const [at, row] of rows.entries()) {
    // The last row may be short.
    if (at < rows.length - 1 || at === 0) width += rowWidth(row, heights[at]) / Math.max(1, rows.length - 1);
    for (const ratio of row) {
      // A portrait camera may be narrower, if it is as high as others at least.
      if (heights[at] * Math.max(ratio, USUAL_RATIO) < MIN_TILE_WIDTH) return null;
      area += heights[at] ** 2 * ratio;
    }
  }
  return { rows, heights, area: area * bonus * (1 + (WIDTH_BONUS * width) / space.width) };
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
 * For each number of rows from 1, the way to break `ratios` into so many of nearly the same length;
 * where it is equal, earlier rows are the shorter ones.
 * @param {number[]} ratios
 * @param {number} most rows
 */
function balancedRows(ratios, most) {
  if (ratios.length > MAX_SEARCHED) return [];
  const upTo = [0];
  for (const ratio of ratios) upTo.push(upTo[upTo.length - 1] + ratio);
  // The sum of the squared lengths of rows is the least when they are equal. `costs[end]` is that of the
  // first `end` cameras in as many rows as were looked at; `starts[rows][end]` is where the last one begins.
  let costs = upTo.map((length) => length ** 2);
  /** @type {number[][]} */
  const starts = [upTo.map(() => 0)];
  for (let count = 2; count <= most; count++) {
    const next = upTo.map(() => Infinity);
    const from = upTo.map(() => 0);
    for (let end = count; end < upTo.length; end++) {
      for (let start = count - 1; start < end; start++) {
        const cost = costs[start] + (upTo[end] - upTo[start]) ** 2;
        if (cost >= next[end] - 1e-9) continue;
        next[end] = cost;
        from[end] = start;
      }
    }
    costs = next;
    starts.push(from);
  }
  return starts.map((_, at) => {
    /** @type {number[][]} */
    const rows = [];
    for (let end = ratios.length, row = at; row >= 0; row--) {
      const start = starts[row][end];
      rows.unshift(ratios.slice(start, end));
      end = start;
    }
    return rows;
  });
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
