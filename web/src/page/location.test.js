import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf, parsePlace } from "./location.js";

/** @param {string} address */
const at = (address) => parsePlace(new URL(address, "http://relay"));

test("the wall, a camera, and nowhere", () => {
  assert.equal(at("/").view, "wall");
  assert.deepEqual([at("/watch/farm/gate").view, at("/watch/farm/gate").camera], ["camera", "farm/gate"]);
  assert.equal(at("/watch/farm/gate/").camera, "farm/gate");
  for (const address of ["/watch/farm", "/watch/FARM/gate", "/x", "/watch/a/b/c"]) assert.equal(at(address).view, "nowhere");
});

test("every place comes back from its address", () => {
  for (const address of ["/", "/?site=farm&q=gate+2&columns=3&kiosk", "/watch/farm/gate?site=farm", "/watch/farm/gate?quality=low", "/?columns=0"]) {
    assert.equal(addressOf(at(address)), address);
  }
});

test("odd parameters are passed over", () => {
  const place = at("/?columns=5&kiosk=0&quality=best&x=1");
  assert.deepEqual([place.columns, place.kiosk, place.quality], [null, false, "auto"]);
});

test("a link changes what it names and keeps the rest", () => {
  assert.equal(addressOf(at("/?site=farm&kiosk"), { view: "camera", camera: "farm/gate" }), "/watch/farm/gate?site=farm&kiosk");
  assert.equal(addressOf(at("/watch/farm/gate?site=farm"), { view: "wall", site: "" }), "/");
});
