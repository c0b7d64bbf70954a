import assert from "node:assert/strict";
import { test } from "node:test";
import { snapshotName } from "./download.js";

test("a snapshot is named after camera and local time", () => {
  const at = new Date(2026, 10, 23, 14, 3, 22);
  assert.equal(snapshotName("farm/gate", at), "farm-gate-2026-11-23T14-03-22.jpg");
});
