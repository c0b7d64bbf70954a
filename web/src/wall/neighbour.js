/** Which tile an arrow key leads to. Pure. */

/** @typedef {import("./layout.js").Tile} Tile */

/**
 * The nearest tile in a direction; the same one if there is none.
 * @param {Tile[]} tiles
 * @param {number} from index
 * @param {string} key "ArrowLeft", "ArrowRight", "ArrowUp" or "ArrowDown"
 */
export function neighbour(tiles, from, key) {
  if (key === "ArrowLeft") return Math.max(0, from - 1);
  if (key === "ArrowRight") return Math.min(tiles.length - 1, from + 1);
  const here = tiles[from];
  const down = key === "ArrowDown";
  const middle = here.x + here.width / 2;
  let best = from;
  let distance = Infinity;
  for (const [at, tile] of tiles.entries()) {
    const dy = down ? tile.y - here.y : here.y - tile.y;
    if (dy <= 0) continue;
    const aside = Math.abs(tile.x + tile.width / 2 - middle);
    if (dy * 4 + aside < distance) {
      distance = dy * 4 + aside;
      best = at;
    }
  }
  return best;
}
