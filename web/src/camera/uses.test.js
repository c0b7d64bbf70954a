import assert from "node:assert/strict";
import { test } from "node:test";
import { isThisMachine, uses } from "./uses.js";

const all = uses("http://relay:8080", "farm/gate");

test("every use names this camera at this relay", () => {
  for (const { title, texts } of all) {
    for (const { text } of texts) assert.ok(text.includes("farm/gate") && (text.includes("http://relay:8080") || text.startsWith("<")), title);
  }
});

test("the clients that people ask for are there", () => {
  const titles = all.map(({ title }) => title);
  for (const title of ["VLC", "ffmpeg", "OpenCV", "Home Assistant", "OctoPrint", "Your own page"]) {
    assert.ok(titles.includes(title), title);
  }
});

test("addresses of this machine are recognised", () => {
  assert.deepEqual(["127.0.0.1", "localhost", "[::1]"].map(isThisMachine), [true, true, true]);
  assert.deepEqual(["relay", "192.168.1.2", "localhost.example.org"].map(isThisMachine), [false, false, false]);
});
