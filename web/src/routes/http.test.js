import assert from "node:assert/strict";
import { test } from "node:test";
import { pictureTimes, pictureUrl, refusal } from "./http.js";

test("addresses stand below the relay's own", () => {
  const source = { base: "http://home/sightline/", camera: "farm/gate" };
  assert.equal(pictureUrl(source, "stream.mjpeg", { fps: "5" }), "http://home/sightline/api/cameras/farm/gate/stream.mjpeg?fps=5");
});

test("headers tell when a picture was taken, and whether it is old", () => {
  const headers = new Map([["x-timestamp", "1767225600.000250"]]);
  const times = () => pictureTimes((name) => headers.get(name));
  assert.deepEqual(times(), { captureTimeUs: 1_767_225_600_000_250, arrivalTimeUs: 0, stale: false });
  headers.set("x-sightline-stale", "4");
  assert.equal(times().stale, true);
  headers.set("x-timestamp", "soon");
  assert.equal(times().captureTimeUs, 0);
});

test("a refusal is told in the relay's words", async () => {
  const answer = (/** @type {string} */ body) => refusal(new Response(body, { status: 404 }));
  const words = { code: "unknown_camera", message: "there is no camera farm/gaet" };
  assert.deepEqual(await answer(JSON.stringify({ error: words })), words);
  for (const body of ["", "<html>", "{}", "null", '{"error": 3}']) {
    assert.deepEqual(await answer(body), { code: "http_404", message: "the relay answers with status 404" });
  }
});
