import assert from "node:assert/strict";
import { test } from "node:test";
import { Handover } from "./handover.js";

test("a relay is needed until the next one has shown everything that moves", () => {
  const handover = new Handover();
  assert.ok(!handover.isDone([]), "the next relay has not said a word");
  handover.informed = true;
  assert.ok(handover.isDone([]));
  assert.ok(!handover.isDone(["farm/gate/jpeg", "farm/door/jpeg"]));
  handover.take("farm/gate/jpeg");
  assert.ok(handover.has("farm/gate/jpeg"));
  assert.ok(!handover.isDone(["farm/gate/jpeg", "farm/door/jpeg"]));
  handover.take("farm/door/jpeg");
  assert.ok(handover.isDone(["farm/gate/jpeg", "farm/door/jpeg"]));
});
