import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, mock, test } from "node:test";
import * as encode from "../../test/encode.js";
import { encodeSubscribe } from "../wire/messages.js";
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

  close() {
    this.closed = true;
  }

  closed = false;

  /** @param {string} name */
  receive(name) {
    this.onmessage?.({ data: golden(name).buffer });
  }

  /** Pictures of farm/gate. @param {number[]} sequences */
  pictures(...sequences) {
    for (const sequence of sequences) {
      const picture = { camera: "farm/gate", sequence, width: 640, height: 480, stale: false, data: Buffer.alloc(4) };
      this.onmessage?.({ data: Uint8Array.from(encode.frame(picture)).buffer });
    }
  }

  /** @param {number} code */
  end(code) {
    this.readyState = 3;
    this.onclose?.({ code });
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
  mock.timers.enable({ apis: ["setInterval", "setTimeout"] });
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

/** A connection that watches the gate at a relay that leaves, and the socket to the next one. */
function leaving() {
  const connection = new Connection("http://relay/");
  const seen = watcher();
  connection.watch(gate, seen);
  const [first] = FakeSocket.all;
  first.open();
  first.receive("to_viewer_hello");
  first.receive("to_viewer_cameras");
  first.pictures(10, 11);
  first.receive("to_viewer_leaving");
  assert.equal(FakeSocket.all.length, 1, "not all viewers come at once");
  mock.timers.tick(300);
  const second = FakeSocket.all[1];
  return { connection, seen, first, second };
}

test("the next relay is opened before the one that leaves closes, and pictures only go forward", () => {
  const { connection, seen, first, second } = leaving();
  /** @type {string[]} */
  const kinds = [];
  connection.addEventListener("link", () => kinds.push(connection.link.kind));
  first.pictures(12);
  second.open();
  assert.ok(second.sent.map(hex).includes(hex(golden("to_relay_subscribe"))));
  second.receive("to_viewer_hello");
  second.receive("to_viewer_cameras");
  second.pictures(11, 12);
  first.pictures(13);
  assert.equal(first.closed, false, "the next one has shown nothing new");
  second.pictures(13, 14);
  assert.equal(first.closed, true);
  second.pictures(15);
  assert.deepEqual(seen.told, [10, 11, 12, 13, 14, 15].map((n) => `frame ${n}`));
  assert.deepEqual([connection.link.kind, connection.informed, connection.reconnects], ["open", true, 1]);
  assert.deepEqual([...new Set(kinds)], ["open"]);
});

test("a relay that is gone before the next one has anything is followed by that one", () => {
  const { connection, seen, first, second } = leaving();
  first.end(1012);
  assert.equal(connection.link.kind, "connecting");
  assert.equal(FakeSocket.all.length, 2, "it is on its way already");
  second.open();
  assert.equal(connection.link.kind, "open");
  second.pictures(11, 12);
  assert.deepEqual(seen.told, ["frame 10", "frame 11", "frame 12"]);
});

test("while no other relay is there, the one that leaves is used to its end", () => {
  const { connection, seen, first, second } = leaving();
  second.end(1006);
  first.pictures(12);
  mock.timers.tick(400);
  assert.equal(FakeSocket.all.length, 3);
  FakeSocket.all[2].end(1006);
  first.pictures(13);
  assert.equal(connection.link.kind, "open");
  connection.link = { ...connection.link, sinceMs: -60_000 };
  first.end(1012);
  assert.equal(connection.link.kind, "connecting");
  assert.equal(FakeSocket.all.length, 4);
  mock.timers.tick(5_000);
  assert.equal(FakeSocket.all.length, 4, "one at a time");
  FakeSocket.all[3].open();
  FakeSocket.all[3].pictures(12, 13, 14);
  assert.deepEqual(seen.told, [10, 11, 12, 13, 14].map((n) => `frame ${n}`));
});

test("a relay that does not know the camera yet says nothing of it while the other one shows it", () => {
  const { seen, first, second } = leaving();
  second.open();
  const subscribe = hex(golden("to_relay_subscribe"));
  const asked = () => second.sent.map(hex).filter((sent) => sent === subscribe).length;
  second.onmessage?.({ data: Uint8Array.from(encode.refused({ camera: "farm/gate", stream: "jpeg", code: "unknown_camera", message: "" })).buffer });
  first.pictures(12);
  assert.equal(asked(), 1);
  second.receive("to_viewer_camera_changed");
  assert.equal(asked(), 2);
  second.receive("to_viewer_cameras");
  second.pictures(13);
  assert.equal(first.closed, true);
  assert.deepEqual(seen.told, [10, 11, 12, 13].map((n) => `frame ${n}`));
});

test("what is wanted meanwhile is told to both relays, and nobody is left when it ends", () => {
  const { connection, first, second } = leaving();
  second.open();
  connection.watch({ ...gate, camera: "farm/door" }, watcher());
  for (const { sent } of [first, second]) {
    assert.equal(hex(sent[sent.length - 1]), hex(encodeSubscribe("farm/door", "jpeg", 12.5)));
  }
  connection.close();
  assert.deepEqual([first.closed, second.closed], [true, true]);
  mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 2);
});
