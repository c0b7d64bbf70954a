import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { WebSocketServer } from "ws";
import * as encode from "../test/encode.js";
import { RelayError, openRelay } from "./node.js";
import { Reader } from "./wire/reader.js";

const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xd9]);

/** A relay that sends three frames of what is asked for, and cuts the first connection after the first. */
async function fakeRelay() {
  const server = createServer((request, response) => {
    const found = request.url === "/api/cameras/farm/gate/snapshot.jpg";
    if (request.url === "/api/cameras") return response.end(JSON.stringify({ cameras: [{ name: "farm/gate", online: true }] }));
    response.writeHead(found || request.url === "/healthz" ? 200 : 404);
    response.end(found ? JPEG : JSON.stringify({ error: { code: "unknown_camera", message: "there is no such camera" } }));
  });
  let connections = 0;
  const sockets = new WebSocketServer({ server, path: "/api/watch" });
  sockets.on("connection", (socket) => {
    const first = connections++ === 0;
    socket.on("message", (/** @type {Buffer} */ bytes) => {
      const from = new Reader(bytes);
      from.next();
      if (from.field !== 1) return;
      const body = new Reader(from.data());
      const fields = ["", "", ""];
      while (body.next()) if (body.field < 3) fields[body.field] = body.string();
        else body.skip();
      const [, camera, stream] = fields;
      if (camera !== "farm/gate") return socket.send(encode.refused({ camera, stream, code: "unknown_camera", message: `there is no ${camera}` }));
      for (let sequence = 1; sequence <= (first ? 1 : 3); sequence++) {
        const common = { camera, sequence, width: 640, height: 480, data: JPEG };
        if (stream === "jpeg") socket.send(encode.frame({ ...common, stale: false }));
        else socket.send(encode.media({ ...common, stream, codec: "h264", epoch: 1n, captureTimeUs: 1, key: sequence === 1, mediaTimeUs: 0, fragment: JPEG }, "frame"));
      }
      if (first) setTimeout(() => socket.close(1012), 50);
    });
  });
  await /** @type {Promise<void>} */ (new Promise((done) => server.listen(0, "127.0.0.1", done)));
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  after(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  });
  return `http://127.0.0.1:${address.port}`;
}

test("a program reads pictures, also from the next relay when one restarts", async () => {
  const relay = await openRelay(await fakeRelay());
  let frames = 0;
  for await (const { data, width, codec } of relay.frames("farm/gate")) {
    assert.deepEqual([Buffer.from(data), width, codec], [JPEG, 640, "jpeg"]);
    if (++frames === 2) break;
  }
  relay.close();
});

test("a program reads access units, from a key frame on, and goes on at the next relay", async () => {
  const relay = await openRelay(await fakeRelay());
  const keys = [];
  for await (const { key, codec } of relay.frames("farm/gate", { stream: "h264" })) {
    assert.equal(codec, "h264");
    keys.push(key);
    if (keys.length === 3) break;
  }
  assert.deepEqual(keys, [true, false, false], "what the first relay has shown is not shown again");
  relay.close();
});

test("what the relay does not have is an error with a code", async () => {
  const relay = await openRelay(await fakeRelay());
  await assert.rejects(relay.frames("farm/gaet").next(), (error) => error instanceof RelayError && error.code === "unknown_camera");
  await assert.rejects(relay.snapshot("farm/gaet"), { code: "unknown_camera", message: "there is no such camera" });
  relay.close();
});

test("frames end when they are asked to", async () => {
  const relay = await openRelay(await fakeRelay());
  const ended = new AbortController();
  let frames = 0;
  for await (const _ of relay.frames("farm/gate", { signal: ended.signal })) {
    frames++;
    ended.abort();
  }
  assert.equal(frames, 1);
  relay.close();
});

test("snapshots and the list of cameras come by HTTP", async () => {
  const relay = await openRelay(await fakeRelay());
  assert.deepEqual(Buffer.from(await relay.snapshot("farm/gate")), JPEG);
  assert.deepEqual((await relay.cameras()).map(({ camera, online }) => [camera, online]), [["farm/gate", true]]);
});
