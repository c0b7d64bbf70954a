import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSettings } from "./settings.js";

test("what was chosen comes back", () => {
  assert.deepEqual(parseSettings('{"theme":"light","columns":3}'), { theme: "light", columns: 3 });
});

test("anything else is the default", () => {
  for (const stored of [null, "", "x", "7", "null", "[]", '{"theme":"pink","columns":99}']) {
    assert.deepEqual(parseSettings(stored), { theme: "system", columns: 0 });
  }
});
