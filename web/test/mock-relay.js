/**
 * A relay for work on the page: serves web/ as the real one does, with cameras of its own making.
 *
 *   node test/mock-relay.js --port 8090 --cameras 5 [--states] [--no-websocket] [--video]
 *
 * `--states` puts one camera into each state. `--video` offers H.264, a small stream and sound too, made by ffmpeg.
 * On standard input, `gone` drops every connection and
 * refuses new ones, `back` takes them again, `restart` closes with 1012, and
 * `NAME offline|stalled|failed|live|connecting` changes a camera; with `--video`, `NAME restarted` begins its streams
 * anew, `NAME resized` gives them another size, and `NAME skipped` leaves out frames for everybody who watches.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";
import { Reader } from "../src/wire/reader.js";
import * as encode from "./encode.js";
import { Channel } from "./channel.js";
import { loop, PICTURES } from "./pictures.js";
import { FPS, sound, video } from "./video.js";

/** @typedef {import("../src/wire/messages.js").CameraInfo} CameraInfo */
/** @typedef {{info: CameraInfo, pictures: Buffer[], sequence: number, fps: number, channels: Map<string, Channel>}} Camera */
/** @typedef {{stream: string, form: "frame" | "fmp4", maxFps: number, sentMs: number, missing: number}} Watched */
/** @typedef {{socket: import("ws").WebSocket, watched: Map<string, Watched>}} Viewer */

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "8090" },
    cameras: { type: "string", default: "5" },
    states: { type: "boolean", default: false },
    video: { type: "boolean", default: false },
    "no-websocket": { type: "boolean", default: false },
  },
});

const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "media-src 'self' blob:",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
/** @type {Record<string, string>} */
const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml", webmanifest: "application/manifest+json" };
const NAMES = ["farm/gate", "farm/barn", "farm/yard", "shop/till", "shop/door", "lab/printer", "lab/bench", "farm/north-field", "shop/storage", "lab/roof"];
const SHAPES = [[960, 540], [960, 540], [640, 480], [960, 540], [540, 720]];

/** @type {Buffer[][]} */
const loops = [];
/** Drawn when it is first needed. @param {number} at */
const loopOf = (at) => (loops[at] ??= loop(SHAPES[at][0], SHAPES[at][1], at / SHAPES.length));
/** @type {Map<string, Camera>} */
const cameras = new Map();
for (let at = 0; at < Number(options.cameras); at++) {
  const name = NAMES[at] ?? `lab/camera-${at + 1}`;
  const shape = Number(options.cameras) > 10 ? at % 4 === 2 ? 2 : 0 : at % SHAPES.length;
  const [width, height] = SHAPES[shape];
  const title = name === "farm/north-field" ? "North field" : name[name.indexOf("/") + 1].toUpperCase() + name.slice(name.indexOf("/") + 2);
  cameras.set(name, {
    channels: new Map(),
    pictures: loopOf(Number(options.cameras) > 10 && shape === 0 ? [0, 1, 3][at % 3] : shape),
    sequence: 0,
    fps: 24,
    info: {
      camera: name,
      title,
      online: true,
      state: "live",
      reason: "",
      lastSeenUs: Date.now() * 1000,
      streams: [{ name: "jpeg", codec: "jpeg", width, height, fps: 24, bitsPerSecond: 9_000_000, codecString: "" }],
      source: "test",
    },
  });
}

const LARGE = { width: 1280, height: 720 };
const SMALL = { width: 480, height: 270 };
if (options.video) {
  const large = video(LARGE.width, LARGE.height);
  const small = video(SMALL.width, SMALL.height);
  const tone = sound();
  const beganUs = Date.now() * 1000;
  for (const [name, { info, channels }] of cameras) {
    channels.set("h264", new Channel(name, "h264", "h264", large, LARGE, beganUs));
    channels.set("sub", new Channel(name, "sub", "h264", small, SMALL, beganUs));
    channels.set("audio", new Channel(name, "audio", "aac", tone, { width: 0, height: 0 }, beganUs));
    info.streams.push(
      { name: "h264", codec: "h264", ...LARGE, fps: FPS, bitsPerSecond: 2_000_000, codecString: large.codecString },
      { name: "sub", codec: "h264", ...SMALL, fps: FPS, bitsPerSecond: 400_000, codecString: small.codecString },
      { name: "audio", codec: "aac", width: 0, height: 0, fps: 0, bitsPerSecond: 64_000, codecString: tone.codecString },
    );
  }
}

let gone = false;
const pages = new URL("..", import.meta.url);

const server = createServer(async (request, response) => {
  if (gone) return request.socket.destroy();
  const url = new URL(request.url ?? "/", "http://relay");
  const send = (/** @type {number} */ status, /** @type {string} */ type, /** @type {string | Buffer} */ body) => {
    response.writeHead(status, { "Content-Type": type, "Cache-Control": "no-cache", "Content-Security-Policy": CSP, "Access-Control-Allow-Origin": "*" });
    response.end(body);
  };
  if (url.pathname === "/healthz") return send(200, "text/plain", "ok");
  if (url.pathname === "/api/cameras") return send(200, "application/json", JSON.stringify({ cameras: [...cameras.values()].map(({ info }) => json(info)) }));
  const picture = /^\/api\/cameras\/([^/]+\/[^/]+)\/(stream\.mjpeg|snapshot\.jpg)$/.exec(url.pathname);
  const camera = picture && cameras.get(picture[1]);
  if (camera && picture[2] === "snapshot.jpg") {
    response.setHeader("X-Timestamp", (camera.info.lastSeenUs / 1e6).toFixed(6));
    return send(200, "image/jpeg", camera.pictures[camera.sequence % PICTURES]);
  }
  if (camera) {
    response.writeHead(200, { "Content-Type": "multipart/x-mixed-replace;boundary=b", "Access-Control-Allow-Origin": "*" });
    response.write("--b\r\n");
    const timer = setInterval(() => {
      const data = camera.pictures[camera.sequence % PICTURES];
      const time = (camera.info.lastSeenUs / 1e6).toFixed(6);
      response.write(`Content-Type: image/jpeg\r\nContent-Length: ${data.length}\r\nX-Timestamp: ${time}\r\n\r\n`);
      response.write(Buffer.concat([data, Buffer.from("\r\n--b\r\n")]));
    }, 100);
    response.on("close", () => clearInterval(timer));
    return;
  }
  const page = url.pathname === "/" || url.pathname.startsWith("/watch/");
  const file = page ? "index.html" : /^\/static\/([\w./-]+)$/.exec(url.pathname)?.[1];
  try {
    if (!file || file.includes("..")) throw new Error("not there");
    send(200, TYPES[file.slice(file.lastIndexOf(".") + 1)] ?? "application/octet-stream", await readFile(new URL(file, pages)));
  } catch {
    send(404, "application/json", JSON.stringify({ error: { code: "not_found", message: "there is nothing here" } }));
  }
});

/** @param {CameraInfo} info */
function json({ camera, title, online, state, reason, lastSeenUs, streams, source }) {
  const [site, name] = camera.split("/");
  return {
    name: camera, site, camera: name, title, online, state, reason, last_seen_us: lastSeenUs, source,
    streams: streams.map(({ bitsPerSecond, codecString, ...stream }) => ({ ...stream, bits_per_second: bitsPerSecond, codec_string: codecString })),
  };
}

/** @type {Set<Viewer>} */
const viewers = new Set();
const sockets = new WebSocketServer({ noServer: true, maxPayload: 16_384 });
server.on("upgrade", (request, socket, head) => {
  if (gone || options["no-websocket"]) return void socket.destroy();
  sockets.handleUpgrade(request, socket, head, (ws) => {
    const viewer = { socket: ws, watched: new Map() };
    viewers.add(viewer);
    ws.on("close", () => viewers.delete(viewer));
    ws.on("message", (/** @type {Buffer} */ bytes) => received(viewer, bytes));
    ws.send(encode.hello("mock", "0.1.0"));
  });
});

/** @param {Viewer} viewer @param {Uint8Array} bytes */
function received({ socket, watched }, bytes) {
  const from = new Reader(bytes);
  from.next();
  const kind = from.field;
  const body = new Reader(from.data());
  let name = "";
  let stream = "";
  let form = 0;
  let maxFps = 0;
  let time = 0;
  while (body.next()) {
    if (kind === 4) time = body.int64();
    else if (body.field === 1) name = body.string();
    else if (body.field === 2) stream = body.string();
    else if (body.field === 3) maxFps = body.float();
    else if (body.field === 4) form = body.uint32();
    else body.skip();
  }
  if (kind === 3) socket.send(encode.cameras([...cameras.values()].map(({ info }) => info)));
  else if (kind === 4) socket.send(encode.pong(time));
  else if (kind === 2) watched.delete(`${name}/${stream}`);
  else if (kind === 1) {
    const camera = cameras.get(name);
    if (!camera) return socket.send(encode.refused({ camera: name, stream: "jpeg", code: "unknown_camera", message: `there is no camera ${name}` }));
    const channel = camera.channels.get(stream);
    if (stream !== "jpeg" && !channel) return socket.send(encode.refused({ camera: name, stream, code: "unknown_stream", message: `${name} offers no stream ${stream}` }));
    const key = `${name}/${stream}`;
    const first = !watched.has(key);
    /** @type {Watched} */
    const watch = { stream, form: form === 1 ? "fmp4" : "frame", maxFps, sentMs: 0, missing: 0 };
    watched.set(key, watch);
    if (channel) begin(socket, channel, watch.form);
    else if (first && camera.info.state !== "connecting") send(socket, name, camera, camera.info.state !== "live" || !camera.info.online);
  }
}

/** @param {import("ws").WebSocket} socket @param {string} name @param {Camera} camera @param {boolean} stale */
function send(socket, name, camera, stale) {
  const { width, height } = camera.info.streams[0];
  socket.send(encode.frame({ camera: name, sequence: camera.sequence, width, height, stale, data: camera.pictures[camera.sequence % PICTURES] }));
}

/** @param {import("ws").WebSocket} socket @param {Channel} channel @param {"frame" | "fmp4"} form */
function begin(socket, channel, form) {
  if (form === "fmp4") socket.send(channel.init());
  for (const frame of channel.group()) socket.send(encode.media(frame, form));
}

/** @param {Channel} channel */
function sendDue(channel) {
  const { camera, stream } = channel.names;
  for (const frame of channel.due()) {
    for (const { socket, watched } of viewers) {
      const watch = watched.get(`${camera}/${stream}`);
      if (!watch) continue;
      if (watch.missing > 0 || socket.bufferedAmount > 4 << 20) {
        if (!frame.key || watch.missing < FPS) {
          watch.missing++;
          continue;
        }
        socket.send(encode.skipped({ camera, stream, frames: watch.missing }));
        watch.missing = 0;
      }
      socket.send(encode.media(frame, watch.form));
    }
  }
}

setInterval(() => {
  const now = Date.now();
  for (const [name, camera] of cameras) {
    if (!camera.info.online || camera.info.state !== "live") continue;
    camera.sequence++;
    camera.info.lastSeenUs = now * 1000;
    for (const channel of camera.channels.values()) sendDue(channel);
    for (const { socket, watched } of viewers) {
      const watch = watched.get(`${name}/jpeg`);
      if (!watch || socket.bufferedAmount > 1 << 20) continue;
      if (watch.maxFps > 0 && now - watch.sentMs < 950 / watch.maxFps) continue;
      watch.sentMs = now;
      send(socket, name, camera, false);
    }
  }
}, 1000 / 24);

/** @param {string} name @param {string} state @param {string} [reason] */
function set(name, state, reason = "") {
  const camera = cameras.get(name);
  if (!camera) return;
  if (state === "restarted" || state === "resized" || state === "skipped") return disturb(camera, state);
  const now = Date.now() * 1000;
  const rests = !camera.info.online || camera.info.state !== "live";
  if (state === "live" && rests) for (const channel of camera.channels.values()) channel.restart(now);
  camera.info.online = state !== "offline";
  camera.info.reason = reason;
  if (state !== "offline") camera.info.state = /** @type {CameraInfo["state"]} */ (state);
  for (const { socket } of viewers) socket.send(encode.cameraChanged(camera.info));
}

/** @param {Camera} camera @param {"restarted" | "resized" | "skipped"} how */
function disturb(camera, how) {
  const shape = { width: 640, height: 480 };
  const now = Date.now() * 1000;
  const other = how === "resized" ? video(shape.width, shape.height) : null;
  for (const [stream, channel] of camera.channels) {
    if (how === "restarted" || (other && stream === "audio")) channel.restart(now);
    else if (other) channel.change(other, shape, now);
    for (const { socket, watched } of viewers) {
      const watch = watched.get(`${camera.info.camera}/${stream}`);
      if (watch && how === "skipped") watch.missing = 1;
      else if (watch?.form === "fmp4") socket.send(channel.init());
    }
  }
}

if (options.states) {
  const states = [["live"], ["stalled", "the camera gives no picture"], ["offline"], ["failed", "the camera refuses the password"], ["connecting"]];
  for (const [at, name] of [...cameras.keys()].entries()) if (at > 0) set(name, states[at % 5][0], states[at % 5][1]);
  const odd = cameras.get("lab/printer");
  if (odd) odd.info.streams[0] = { ...odd.info.streams[0], name: "h265", codec: "h265" };
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const [first, second, ...words] = line.trim().split(/\s+/);
  if (first === "gone") {
    gone = true;
    for (const { socket } of viewers) socket.terminate();
    server.closeAllConnections();
  } else if (first === "back") gone = false;
  else if (first === "restart") for (const { socket } of viewers) socket.close(1012);
  else set(first, second, words.join(" "));
});

server.listen(Number(options.port), "127.0.0.1", () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/`);
});
