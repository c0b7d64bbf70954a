import assert from "node:assert/strict";
import { test } from "node:test";
import { tileFps } from "./rate.js";

test("large tiles get every frame, small and many ones fewer", () => {
  assert.equal(tileFps(700, 4), 0);
  assert.equal(tileFps(350, 12), 15);
  assert.equal(tileFps(700, 30), 15);
  assert.equal(tileFps(200, 6), 12);
  assert.equal(tileFps(200, 50), 8);
});
