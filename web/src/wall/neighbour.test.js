import assert from "node:assert/strict";
import { test } from "node:test";
import { layout } from "./layout.js";
import { neighbour } from "./neighbour.js";

const { tiles } = layout({ width: 1200, height: 800 }, Array(9).fill(16 / 9), 3);

test("arrows move through the grid, and stay at its edges", () => {
  assert.equal(neighbour(tiles, 4, "ArrowLeft"), 3);
  assert.equal(neighbour(tiles, 4, "ArrowRight"), 5);
  assert.equal(neighbour(tiles, 4, "ArrowUp"), 1);
  assert.equal(neighbour(tiles, 4, "ArrowDown"), 7);
  assert.equal(neighbour(tiles, 0, "ArrowUp"), 0);
  assert.equal(neighbour(tiles, 0, "ArrowLeft"), 0);
  assert.equal(neighbour(tiles, 8, "ArrowDown"), 8);
  assert.equal(neighbour(tiles, 8, "ArrowRight"), 8);
});
