import assert from "node:assert/strict";
import { test } from "node:test";
import { matching, sitesOf } from "./filter.js";

const cameras = [
  ["farm/gate", "North gate"],
  ["farm/barn", ""],
  ["shop/till", "Gate of money"],
].map(([camera, title]) => /** @type {import("./filter.js").CameraInfo} */ ({ camera, title }));

/** @param {Partial<{site: string, search: string}>} wanted */
const names = (wanted) => matching(cameras, { site: "", search: "", ...wanted }).map(({ camera }) => camera);

test("sites are listed once, by name", () => assert.deepEqual(sitesOf(cameras), ["farm", "shop"]));

test("without a filter every camera is shown", () => assert.equal(names({}).length, 3));

test("a site shows its own cameras", () => assert.deepEqual(names({ site: "farm" }), ["farm/gate", "farm/barn"]));

test("every word must be found, in name or title", () => {
  assert.deepEqual(names({ search: " GATE " }), ["farm/gate", "shop/till"]);
  assert.deepEqual(names({ search: "gate farm" }), ["farm/gate"]);
  assert.deepEqual(names({ search: "gate", site: "shop" }), ["shop/till"]);
  assert.deepEqual(names({ search: "none" }), []);
});
