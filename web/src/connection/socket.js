/** One WebSocket to a relay, and what is known of that relay alone. */
import { encodePing } from "../wire/messages.js";
import { Directory } from "./directory.js";
import { Heartbeat } from "./heartbeat.js";

/** WebSocket.OPEN, which Node.js 20 does not have. */
const OPEN = 1;

/**
 * @typedef {object} SocketEvents
 * @property {() => void} opened
 * @property {(data: unknown) => void} message
 * @property {(code: number) => void} closed by anyone but this page; 0: it could not even be tried
 */

export class Socket {
  /** What this relay says of itself. @type {import("../wire/messages.js").Hello | null} */
  hello = null;
  directory = new Directory();
  /** What it refused, by stream, while it is not in use yet. At most as many as are watched. @type {Map<string, import("../wire/messages.js").ToViewer>} */
  refused = new Map();
  #heartbeat = new Heartbeat();
  /** @type {WebSocket | null} */
  #socket = null;

  /**
   * @param {string} base the relay's address, with a slash at the end
   * @param {typeof WebSocket} WebSocketClass
   * @param {SocketEvents} events
   */
  constructor(base, WebSocketClass, { opened, message, closed }) {
    const url = new URL("api/watch", base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    let socket;
    try {
      socket = new WebSocketClass(url);
    } catch {
      // A page on https may not connect to a relay on http.
      queueMicrotask(() => closed(0));
      return;
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = opened;
    socket.onmessage = ({ data }) => {
      this.#heartbeat.heard();
      message(data);
    };
    // What has failed is told by its end; clients outside of browsers throw unless they are listened to.
    socket.onerror = () => {};
    socket.onclose = ({ code }) => closed(code);
  }

  get open() {
    return this.#socket?.readyState === OPEN;
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes */
  send(bytes) {
    if (this.open) this.#socket?.send(bytes);
  }

  /**
   * Pings when it is time. Says whether the relay is silent for too long.
   * @param {boolean} urgent ping now: the page was asleep
   */
  beat(urgent) {
    const verdict = this.#heartbeat.tick(performance.now(), urgent);
    if (verdict === "ping") this.send(encodePing(Date.now() * 1000));
    return verdict === "silent";
  }

  /** Nothing is told any more. */
  close() {
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }
}
