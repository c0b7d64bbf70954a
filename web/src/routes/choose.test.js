import assert from "node:assert/strict";
import { test } from "node:test";
import { MULTIPART_STREAMS, chooseRoute } from "./choose.js";

test("the WebSocket is taken wherever it works", () => {
  assert.equal(chooseRoute("everything", 0).kind, "websocket");
  assert.equal(chooseRoute("everything", 100).kind, "websocket");
});

test("without WebSockets the first tiles stream, and the others poll", () => {
  const kinds = Array.from({ length: 6 }, (_, open) => chooseRoute("http", open).kind);
  assert.deepEqual(kinds, ["multipart", "multipart", "multipart", "multipart", "snapshots", "snapshots"]);
  assert.ok(MULTIPART_STREAMS < 6);
});

test("a page that the relay does not allow shows images", () => {
  assert.equal(chooseRoute("images", 0).kind, "image");
});
