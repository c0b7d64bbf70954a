import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Connection } from "./connection.js";

/** @param {string} name */
const golden = (name) =>
  Uint8Array.from(
    Buffer.from(readFileSync(new URL(`../../../proto/golden/${name}.hex`, import.meta.url), "utf8").replace(/\s/g, ""), "hex"),
  );
const hex = (/** @type {Uint8Array} */ bytes) => Buffer.from(bytes).toString("hex");

/** Stands for the browser's WebSocket. */
class FakeSocket {
  static OPEN = 1;
  /** @type {FakeSocket[]} */
  static all = [];
  readyState = 0;
  /** @type {Uint8Array[]} */
  sent = [];
  /** @type {(() => void) | null} */
  onopen = null;
  /** @type {((event: {data: unknown}) => void) | null} */
  onmessage = null;
  /** @type {((event: {code: number}) => void) | null} */
  onclose = null;

  /** @param {URL} url */
  constructor(url) {
    this.url = url.href;
    FakeSocket.all.push(this);
  }

  open() {
    this.readyState = FakeSocket.OPEN;
    this.onopen?.();
  }

  /** @param {Uint8Array} bytes */
  send(bytes) {
    this.sent.push(bytes);
  }

  close() {}

  /** @param {string} name */
  receive(name) {
    this.onmessage?.({ data: golden(name).buffer });
  }
}

const gate = { camera: "farm/gate", stream: "jpeg", maxFps: 12.5 };

/** A watcher that writes down what it is told. */
function watcher() {
  /** @type {string[]} */
  const told = [];
  return {
    told,
    frame: (/** @type {{sequence: number}} */ { sequence }) => told.push(`frame ${sequence}`),
    skipped: (/** @type {number} */ frames) => told.push(`skipped ${frames}`),
    refused: (/** @type {string} */ code) => told.push(`refused ${code}`),
    retried: () => told.push("retried"),
  };
}

beforeEach(() => {
  FakeSocket.all = [];
  Object.assign(globalThis, { WebSocket: FakeSocket, document: { hidden: false }, location: { origin: "http://relay" } });
  mock.timers.enable({ apis: ["setInterval"] });
});
afterEach(() => mock.timers.reset());

test("nothing is connected until somebody uses it", () => {
  const connection = new Connection("http://relay/");
  assert.equal(FakeSocket.all.length, 0);
  connection.follow();
  assert.deepEqual(FakeSocket.all.map(({ url }) => url), ["ws://relay/api/watch"]);
});

test("a new connection follows the cameras and is told every stream", () => {
  const connection = new Connection("https://relay/sub/");
  connection.watch(gate, watcher());
  const [socket] = FakeSocket.all;
  assert.equal(socket.url, "wss://relay/sub/api/watch");
  socket.open();
  const sent = socket.sent.map(hex);
  assert.equal(sent[0], hex(golden("to_relay_follow_cameras")));
  assert.equal(sent[1], hex(golden("to_relay_subscribe")));
});

test("frames go to those who watch, until they end", () => {
  const connection = new Connection("http://relay/");
  const [one, two] = [watcher(), watcher()];
  const watch = connection.watch(gate, one);
  connection.watch({ ...gate, camera: "farm/door" }, two);
  const [socket] = FakeSocket.all;
  socket.open();
  socket.receive("to_viewer_frame");
  socket.receive("to_viewer_skipped");
  watch.end();
  socket.receive("to_viewer_frame");
  assert.deepEqual(one.told, [`frame ${2 ** 53 - 1}`, "skipped 300"]);
  assert.deepEqual(two.told, []);
  assert.equal(hex(socket.sent[socket.sent.length - 1]), hex(golden("to_relay_unsubscribe")));
});

test("after a restart of the relay everything is asked for again, at once", () => {
  const connection = new Connection("http://relay/");
  connection.watch(gate, watcher());
  FakeSocket.all[0].open();
  FakeSocket.all[0].receive("to_viewer_hello");
  connection.link = { ...connection.link, sinceMs: -60_000 };
  FakeSocket.all[0].onclose?.({ code: 1012 });
  assert.equal(FakeSocket.all.length, 2);
  assert.equal(connection.informed, false);
  FakeSocket.all[1].open();
  assert.ok(FakeSocket.all[1].sent.map(hex).includes(hex(golden("to_relay_subscribe"))));
  assert.equal(connection.reconnects, 1);
});

test("a camera that was unknown is asked for again when it appears", () => {
  const connection = new Connection("http://relay/");
  const late = watcher();
  connection.watch({ ...gate, camera: "farm/gaet" }, late);
  const [socket] = FakeSocket.all;
  socket.open();
  socket.receive("to_viewer_refused");
  socket.receive("to_viewer_camera_changed");
  assert.deepEqual(late.told, ["refused unknown_camera"]);
  const asked = socket.sent.length;
  connection.directory.change({ ...connection.directory.all()[0], camera: "farm/gaet" });
  socket.receive("to_viewer_camera_changed");
  assert.deepEqual(late.told, ["refused unknown_camera", "retried"]);
  assert.equal(socket.sent.length, asked + 1);
});

test("a message that cannot be read is counted and harms nothing", () => {
  const warn = mock.method(console, "warn", () => {});
  const connection = new Connection("http://relay/");
  connection.follow();
  const [socket] = FakeSocket.all;
  socket.open();
  socket.onmessage?.({ data: Uint8Array.from([0x0a, 0xff]).buffer });
  socket.onmessage?.({ data: "text" });
  socket.receive("to_viewer_cameras");
  assert.equal(connection.malformed, 1);
  assert.equal(warn.mock.callCount(), 1);
  assert.deepEqual(connection.directory.all().map(({ camera }) => camera), ["farm/door", "farm/gate"]);
  assert.equal(connection.informed, true);
});

test("who joins a stream of fragments is given its init segment", () => {
  const connection = new Connection("http://relay/");
  const wish = { camera: "farm/gate", stream: "h264", maxFps: 0, form: /** @type {const} */ ("fmp4") };
  /** @type {string[]} */
  const mimes = [];
  const joins = () => ({ ...watcher(), init: (/** @type {{mime: string}} */ { mime }) => mimes.push(mime) });
  const first = connection.watch(wish, joins());
  const [socket] = FakeSocket.all;
  socket.open();
  assert.ok(socket.sent.map(hex).includes(hex(golden("to_relay_subscribe_fmp4"))));
  socket.receive("to_viewer_init");
  const second = connection.watch(wish, joins());
  assert.deepEqual(mimes, ['video/mp4; codecs="avc1.640029"', 'video/mp4; codecs="avc1.640029"']);
  first.end();
  second.end();
  connection.watch(wish, joins());
  assert.equal(mimes.length, 2, "an init segment of an ended subscription is not used again");
});
