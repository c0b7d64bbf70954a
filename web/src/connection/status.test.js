import assert from "node:assert/strict";
import { test } from "node:test";
import { IDLE } from "./machine.js";
import { retryInMs, statusOf, statusWords } from "./status.js";

test("one failure is still connecting, two are a lost relay", () => {
  assert.equal(statusOf({ ...IDLE, kind: "waiting", failures: 1 }), "connecting");
  assert.equal(statusOf({ ...IDLE, kind: "probing", failures: 2 }), "lost");
  assert.equal(statusOf({ ...IDLE, kind: "open", failures: 5 }), "open");
});

test("a relay that answers HTTP is not lost", () => {
  assert.equal(statusOf({ ...IDLE, kind: "waiting", failures: 2, refusals: 1 }), "connecting");
  assert.equal(statusOf({ ...IDLE, kind: "waiting", failures: 3, refusals: 2, blocked: true }), "blocked");
});

test("the words count down to the next try", () => {
  /** @type {import("./machine.js").Link} */
  const link = { ...IDLE, kind: "waiting", failures: 3, retryAtMs: 2_500 };
  assert.equal(statusWords(link, 1_000), "Relay unreachable, next try in 2 s");
  assert.equal(retryInMs(link, 9_000), 0);
  assert.equal(statusWords({ ...link, kind: "probing" }, 3_000), "Relay unreachable, trying again");
});
