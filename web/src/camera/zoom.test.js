import assert from "node:assert/strict";
import { test } from "node:test";
import { WHOLE, panBy, zoomAt } from "./zoom.js";

const box = { width: 1000, height: 500 };

test("what is under the pointer stays there", () => {
  const point = { x: 250, y: 100 };
  const zoom = zoomAt(WHOLE, 2, point, box);
  assert.deepEqual(zoom, { scale: 2, x: -250, y: -100 });
  const more = zoomAt(zoom, 2, point, box);
  assert.deepEqual([(point.x - more.x) / more.scale, (point.y - more.y) / more.scale], [250, 100]);
});

test("the picture never leaves its box", () => {
  const zoom = zoomAt(WHOLE, 2, { x: 0, y: 0 }, box);
  assert.deepEqual(panBy(zoom, 99_999, 99_999, box), { scale: 2, x: 0, y: 0 });
  assert.deepEqual(panBy(zoom, -99_999, -99_999, box), { scale: 2, x: -1000, y: -500 });
});

test("it is never smaller than its box, nor endlessly large", () => {
  assert.deepEqual(zoomAt(WHOLE, 0.1, { x: 500, y: 250 }, box), WHOLE);
  assert.equal(zoomAt(WHOLE, 1e9, { x: 500, y: 250 }, box).scale, 16);
});

test("zooming out ends where it began", () => {
  const point = { x: 700, y: 30 };
  assert.deepEqual(zoomAt(zoomAt(WHOLE, 4, point, box), 1 / 8, point, box), WHOLE);
});
