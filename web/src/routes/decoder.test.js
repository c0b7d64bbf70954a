import assert from "node:assert/strict";
import { test } from "node:test";
import { Decoder } from "./decoder.js";

const JPEG = new Uint8Array([0, 0, 7, 7, 0]).subarray(2, 4);
/** What stands for a picture, and says who decoded it. @param {string} by @returns {any} */
const picture = (by) => ({ by });
const here = () => Promise.resolve(picture("page"));

/** A worker that the test answers for. */
function fake() {
  /** @type {any[]} */
  const asked = [];
  const worker = {
    /** @type {any} */ onmessage: null,
    /** @type {any} */ onerror: null,
    ended: false,
    terminate() {
      worker.ended = true;
    },
    /** @param {any} message @param {Transferable[]} transfer */
    postMessage: (message, transfer) => asked.push(structuredClone(message, { transfer })),
  };
  return { worker, asked, decoder: new Decoder(() => /** @type {any} */ (worker), here) };
}

test("the page decodes until the worker is ready, and then the worker does, from a copy", async () => {
  const { worker, asked, decoder } = fake();
  assert.deepEqual(await decoder.decode(JPEG), picture("page"));
  worker.onmessage({ data: "ready" });
  const first = decoder.decode(JPEG);
  const second = decoder.decode(JPEG);
  assert.deepEqual(asked[0].jpeg, new Uint8Array([7, 7]));
  assert.deepEqual([...JPEG], [7, 7]);
  worker.onmessage({ data: { id: asked[1].id, bitmap: picture("worker, 2") } });
  worker.onmessage({ data: { id: asked[0].id, bitmap: picture("worker, 1") } });
  assert.deepEqual(await first, picture("worker, 1"));
  assert.deepEqual(await second, picture("worker, 2"));
});

test("what the worker cannot decode is rejected", async () => {
  const { worker, asked, decoder } = fake();
  await decoder.decode(JPEG);
  worker.onmessage({ data: "ready" });
  const broken = decoder.decode(JPEG);
  worker.onmessage({ data: { id: asked[0].id, bitmap: null } });
  await assert.rejects(broken, /not a picture/);
});

test("the page takes over from a worker that fails", async () => {
  const { worker, asked, decoder } = fake();
  await decoder.decode(JPEG);
  worker.onmessage({ data: "ready" });
  const pending = decoder.decode(JPEG);
  worker.onerror(new Event("error"));
  assert.deepEqual(await pending, picture("page"));
  assert.ok(worker.ended);
  assert.deepEqual(await decoder.decode(JPEG), picture("page"));
  assert.equal(asked.length, 1);
});

test("the page decodes where it may not have workers", async () => {
  const decoder = new Decoder(() => {
    throw new Error("SecurityError");
  }, here);
  assert.deepEqual(await decoder.decode(JPEG), picture("page"));
});
