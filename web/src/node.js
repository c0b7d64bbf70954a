/**
 * Cameras for programs on Node.js 20 and later.
 *
 *     import { openRelay } from "sightline/node.js";
 *
 *     const relay = await openRelay("http://127.0.0.1:8080");
 *     for await (const { data, sequence } of relay.frames("farm/gate")) {
 *       console.log(sequence, data.length, "bytes of JPEG");
 *     }
 *
 * Needs the package `ws` where Node.js has no WebSocket of its own: before version 22.
 */
import { Connection } from "./connection/connection.js";
import { camerasFromJson } from "./connection/json.js";
import { FrameQueue } from "./frames.js";

/**
 * @typedef {import("./wire/messages.js").WatchFrame} WatchFrame
 * @typedef {import("./wire/messages.js").CameraInfo} CameraInfo
 *
 * @typedef {object} FrameOptions
 * @property {string} [stream] "jpeg" by default; "h264", "h265", "audio" or "sub"
 * @property {number} [maxFps] pictures per second at most, of JPEG; all of them by default
 * @property {AbortSignal} [signal] ends the frames, without an error
 */

/** The relay does not give what was asked for. */
export class RelayError extends Error {
  /**
   * @param {string} code "unknown_camera", "unknown_stream", ...
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = "RelayError";
    this.code = code;
  }
}

/**
 * @param {string} address of the relay, such as "http://127.0.0.1:8080"
 * @returns {Promise<Relay>} rejects if there is no WebSocket to be had. Connects when frames are asked for
 */
export async function openRelay(address) {
  return new Relay(address, globalThis.WebSocket ?? (await fromPackage()));
}

/** @returns {Promise<typeof WebSocket>} */
async function fromPackage() {
  try {
    const { WebSocket } = await import("ws");
    return /** @type {any} */ (WebSocket);
  } catch (error) {
    throw new Error("this version of Node.js has no WebSocket: install the package ws", { cause: error });
  }
}

export class Relay {
  #base;
  #connection;

  /**
   * @param {string} address
   * @param {typeof WebSocket} WebSocketClass
   */
  constructor(address, WebSocketClass) {
    this.#base = new URL(address.endsWith("/") ? address : `${address}/`);
    this.#connection = new Connection(this.#base.href, WebSocketClass);
  }

  /** What the relay knows of every camera. @returns {Promise<CameraInfo[]>} */
  async cameras() {
    return camerasFromJson(await (await this.#get("api/cameras")).json());
  }

  /**
   * The newest picture, as JPEG.
   * @param {string} camera "site/camera"
   */
  async snapshot(camera) {
    return new Uint8Array(await (await this.#get(`api/cameras/${camera}/snapshot.jpg`)).arrayBuffer());
  }

  /**
   * The frames of a camera, as they come: JPEG pictures, of which a slow reader has the newest; or access units of
   * H.264 (Annex B) or AAC, from a key frame on, of which a slow reader misses whole groups.
   *
   * It connects anew by itself, for ever. Throws a `RelayError` if the relay does not give this stream. Ends with the
   * loop that reads it.
   * @param {string} camera "site/camera"
   * @param {FrameOptions} [options]
   * @returns {AsyncGenerator<WatchFrame, void, void>}
   */
  async *frames(camera, { stream = "jpeg", maxFps = 0, signal } = {}) {
    if (signal?.aborted) return;
    const queue = new FrameQueue();
    const end = () => queue.end(null);
    signal?.addEventListener("abort", end);
    const watch = this.#connection.watch({ camera, stream, maxFps }, {
      frame: (frame) => queue.put(frame),
      skipped: () => queue.gap(),
      refused: (code, message) => queue.end(new RelayError(code, message)),
      retried: () => {},
    });
    try {
      for (let frame = await queue.next(); frame; frame = await queue.next()) yield frame;
    } finally {
      signal?.removeEventListener("abort", end);
      watch.end();
    }
  }

  /** Ends the connection, which keeps the program running for some seconds after its last use otherwise. */
  close() {
    this.#connection.close();
  }

  /** @param {string} path */
  async #get(path) {
    const answer = await fetch(new URL(path, this.#base));
    if (answer.ok) return answer;
    const { error } = Object(await answer.json().catch(() => null));
    throw new RelayError(error?.code ?? `http_${answer.status}`, error?.message ?? `the relay answers with status ${answer.status}`);
  }
}
