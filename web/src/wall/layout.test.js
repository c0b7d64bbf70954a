import assert from "node:assert/strict";
import { test } from "node:test";
import { GAP, layout } from "./layout.js";

const HD = 16 / 9;
const SPACES = {
  phone: { width: 374, height: 740 },
  small: { width: 304, height: 480 },
  laptop: { width: 1424, height: 836 },
  "4K": { width: 3824, height: 2090 },
};

/** @param {number} count @param {number} [ratio] */
const cameras = (count, ratio = HD) => Array(count).fill(ratio);

/** @param {import("./layout.js").Layout} found @param {import("./layout.js").Space} space */
function covered(found, space) {
  return found.tiles.reduce((area, tile) => area + tile.width * tile.height, 0) / (space.width * space.height);
}

/** @param {import("./layout.js").Layout} found @param {import("./layout.js").Space} space @param {number[]} ratios */
function check(found, space, ratios) {
  assert.equal(found.tiles.length, ratios.length);
  for (const [at, tile] of found.tiles.entries()) {
    assert.ok(tile.x >= 0 && tile.x + tile.width <= space.width + 1, `tile ${at} is within the width`);
    assert.ok(tile.y >= 0 && tile.y + tile.height <= found.height + 1, `tile ${at} is within the height`);
    assert.ok(Math.abs(tile.width / tile.height / ratios[at] - 1) < 0.04, `tile ${at} has its camera's shape`);
    for (const other of found.tiles.slice(at + 1)) {
      const apart =
        other.x >= tile.x + tile.width + GAP - 1.5 || other.x + other.width <= tile.x || other.y >= tile.y + tile.height + GAP - 1.5;
      assert.ok(apart, `tile ${at} is apart from the others`);
    }
  }
}

test("tiles have their camera's shape, are apart and within the space", () => {
  for (const space of Object.values(SPACES)) {
    for (let count = 1; count <= 60; count++) {
      const ratios = Array.from({ length: count }, (_, i) => [HD, 4 / 3, HD, 9 / 16, 1][i % 5]);
      check(layout(space, ratios, 0), space, ratios);
      check(layout(space, cameras(count), 0), space, cameras(count));
    }
  }
});

test("while cameras fit, nothing scrolls and most of the window is picture", () => {
  for (const count of [1, 2, 3, 4, 5, 6, 7, 9, 12, 16, 20, 25]) {
    const found = layout(SPACES.laptop, cameras(count), 0);
    assert.equal(found.scrolls, false, `${count} cameras`);
    const least = { 2: 0.45, 5: 0.75, 6: 0.6 }[count] ?? 0.69;
    assert.ok(covered(found, SPACES.laptop) >= least, `${count} cameras cover ${covered(found, SPACES.laptop)}`);
  }
});

test("four equal cameras are two by two", () => {
  const { tiles } = layout(SPACES.laptop, cameras(4), 0);
  assert.equal(new Set(tiles.map((tile) => tile.x)).size, 2);
  assert.equal(new Set(tiles.map((tile) => tile.y)).size, 2);
});

test("one camera fills the window as far as its shape allows", () => {
  const [tile] = layout(SPACES.laptop, cameras(1), 0).tiles;
  assert.equal(tile.width, SPACES.laptop.width);
});

test("more cameras than fit scroll, in columns that fill the width", () => {
  const found = layout(SPACES.phone, cameras(40), 0);
  assert.equal(found.scrolls, true);
  assert.ok(found.tiles.every((tile) => tile.width >= 160));
  assert.equal(Math.max(...found.tiles.map((tile) => tile.x + tile.width)), SPACES.phone.width);
});

test("a chosen number of columns is kept", () => {
  for (const columns of [2, 3, 4, 6]) {
    const { tiles } = layout(SPACES.laptop, cameras(13), columns);
    assert.equal(new Set(tiles.map((tile) => tile.x)).size, columns);
  }
});

test("with fewer cameras than columns the tiles are as in a full row", () => {
  const { tiles } = layout(SPACES.laptop, cameras(2), 4);
  assert.equal(tiles[0].width, Math.round((SPACES.laptop.width - 3 * GAP) / 4));
});

test("no cameras, or no window, is no tiles", () => {
  assert.deepEqual(layout(SPACES.laptop, [], 0).tiles, []);
  assert.deepEqual(layout({ width: 0, height: 0 }, [HD], 0).tiles, []);
});
