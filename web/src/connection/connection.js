/**
 * One relay, and everything that this page watches there, over one WebSocket.
 *
 * It connects while somebody watches or follows the cameras, and reconnects by itself. Events: `link`
 * when the connection changes, `cameras` when a camera does.
 */
import { decodeToViewer, encodeFollowCameras, encodePing, encodeSubscribe, encodeUnsubscribe } from "../wire/messages.js";
import { RelayClock } from "./clock.js";
import { Directory } from "./directory.js";
import { Heartbeat } from "./heartbeat.js";
import { Interest, streamKey } from "./interest.js";
import { camerasFromJson } from "./json.js";
import { IDLE, step } from "./machine.js";

/**
 * @typedef {import("./interest.js").Wish} Wish
 * @typedef {import("./interest.js").Change} Change
 * @typedef {import("./machine.js").LinkEvent} LinkEvent
 * @typedef {import("../wire/messages.js").WatchFrame} WatchFrame
 * @typedef {import("../wire/messages.js").Init} Init
 *
 * @typedef {object} Watcher is told what comes of a stream
 * @property {(frame: WatchFrame) => void} frame
 * @property {(init: Init) => void} [init] the init segment of what comes next, if it comes as fragments
 * @property {(frames: number) => void} skipped so many were left out, for want of speed
 * @property {(code: string, message: string) => void} refused
 * @property {() => void} retried what was refused is asked for again
 */

/** WebSocket.OPEN, which Node.js 20 does not have. */
const OPEN = 1;
/** How often time is looked at. */
const TICK_MS = 250;
/** How long the connection is kept without users: from one view to the next. */
const LINGER_MS = 3_000;
/** How long a relay may take to answer HTTP. */
const PROBE_TIMEOUT_MS = 3_000;
/** How often the cameras are asked for by HTTP while WebSockets are refused. */
const POLL_MS = 2_000;
/** What the relay refuses today and may have tomorrow. */
const MAY_COME = ["unknown_camera", "unknown_stream"];

export class Connection extends EventTarget {
  /** @type {WebSocket | null} */
  #socket = null;
  #WebSocket;
  #heartbeat = new Heartbeat();
  /** @type {Interest} */
  #interest = new Interest();
  /** Streams that were refused, until their camera changes. At most as many as are watched. */
  #refused = new Set();
  /** The last init segment of each stream, for players that join others. At most as many as are watched. @type {Map<string, Init>} */
  #inits = new Map();
  #users = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticker;
  #unusedSinceMs = 0;
  #polledAtMs = -Infinity;

  /**
   * @param {string} base the relay's address, with a slash at the end
   * @param {typeof WebSocket} [WebSocketClass] the browser's by default
   */
  constructor(base, WebSocketClass) {
    super();
    this.#WebSocket = WebSocketClass;
    this.base = base;
    this.link = IDLE;
    this.clock = new RelayClock();
    this.directory = new Directory();
    /** @type {import("../wire/messages.js").Hello | null} */
    this.hello = null;
    /** How often a connection was made anew. */
    this.reconnects = 0;
    /** Messages that could not be read. */
    this.malformed = 0;
    /** Whether the cameras' states are known to be up to date. */
    this.informed = false;
    /**
     * Whether this page may read what the relay answers by HTTP; null while that is not known.
     * @type {boolean | null}
     */
    this.readable = null;
  }

  /** Uses the connection without watching anything, to follow the cameras. Returns how to end that. */
  follow() {
    this.#use();
    return once(() => this.#release());
  }

  /**
   * Whether this connection can carry a stream as it is wished: in one form at a time.
   * @param {Wish} wish
   */
  carries(wish) {
    return this.#interest.carries(wish);
  }

  /**
   * Watches a stream. Throws unless it `carries` that.
   * @param {Wish} wish
   * @param {Watcher} watcher
   */
  watch(wish, watcher) {
    let current = wish;
    const change = this.#interest.ask(watcher, current);
    this.#use();
    this.#tell(change);
    const init = this.#inits.get(streamKey(current));
    if (init) watcher.init?.(init);
    return {
      /** @param {number} maxFps 0: all frames */
      setMaxFps: (maxFps) => {
        current = { ...current, maxFps };
        this.#tell(this.#interest.ask(watcher, current));
      },
      end: once(() => {
        const change = this.#interest.withdraw(watcher, current);
        if (change?.type === "unsubscribe") {
          this.#refused.delete(streamKey(current));
          this.#inits.delete(streamKey(current));
        }
        this.#tell(change);
        this.#release();
      }),
    };
  }

  /** The page is awake again, or the network is back: don't wait for timers. */
  wake() {
    this.#step({ type: "wake" });
    if (this.link.kind === "open") this.#beat(true);
  }

  /** Ends it at once, whoever uses it. */
  close() {
    clearInterval(this.#ticker);
    this.#ticker = undefined;
    this.#step({ type: "unwanted" });
  }

  #use() {
    this.#users++;
    this.#ticker ??= setInterval(() => this.#tick(), TICK_MS);
    this.#step({ type: "wanted" });
  }

  #release() {
    this.#users--;
    this.#unusedSinceMs = performance.now();
  }

  #tick() {
    if (this.#users === 0 && performance.now() - this.#unusedSinceMs >= LINGER_MS) {
      clearInterval(this.#ticker);
      this.#ticker = undefined;
      this.#step({ type: "unwanted" });
      return;
    }
    this.#step({ type: "tick" });
    if (this.link.kind === "open") this.#beat(false);
    if (this.link.blocked && !globalThis.document?.hidden) void this.#poll();
  }

  /** @param {boolean} urgent */
  #beat(urgent) {
    const verdict = this.#heartbeat.tick(performance.now(), urgent);
    if (verdict === "silent") this.#step({ type: "silent" });
    else if (verdict === "ping") this.#send(encodePing(Date.now() * 1000));
  }

  /** @param {LinkEvent} event */
  #step(event) {
    const before = this.link;
    const [link, action] = step(before, event, performance.now(), Math.random());
    if (link === before) return;
    this.link = link;
    if (action === "close") this.#close();
    if (link.kind !== "open" && !link.blocked) this.informed = false;
    if (action === "open") this.#open();
    else if (action === "probe") void this.#probe().then((ok) => this.#step({ type: "probed", ok }));
    this.dispatchEvent(new Event("link"));
  }

  #open() {
    const url = new URL("api/watch", this.base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    let socket;
    try {
      socket = new (this.#WebSocket ?? WebSocket)(url);
    } catch {
      // A page on https may not connect to a relay on http.
      queueMicrotask(() => this.#step({ type: "closed", code: 0 }));
      return;
    }
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onopen = () => this.#opened();
    socket.onmessage = ({ data }) => this.#message(data);
    // What has failed is told by its end; clients outside of browsers throw unless they are listened to.
    socket.onerror = () => {};
    socket.onclose = ({ code }) => {
      this.#socket = null;
      this.#step({ type: "closed", code });
    };
  }

  #close() {
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }

  #opened() {
    if (this.hello) this.reconnects++;
    this.#heartbeat = new Heartbeat();
    this.#refused.clear();
    this.#inits.clear();
    this.#step({ type: "opened" });
    this.#send(encodeFollowCameras());
    for (const change of this.#interest.all()) this.#tell(change);
    this.#beat(true);
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes */
  #send(bytes) {
    if (this.#socket?.readyState === OPEN) this.#socket.send(bytes);
  }

  /** @param {Change | null} change */
  #tell(change) {
    if (!change) return;
    if (change.type === "subscribe") this.#send(encodeSubscribe(change.camera, change.stream, change.maxFps, change.form));
    else this.#send(encodeUnsubscribe(change.camera, change.stream));
  }

  /** Whether the relay answers HTTP. */
  async #probe() {
    const sameOrigin = new URL(this.base).origin === globalThis.location?.origin;
    try {
      const answer = await fetch(new URL("healthz", this.base), {
        cache: "no-store",
        mode: sameOrigin ? "same-origin" : "no-cors",
        signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      });
      // Of another origin nothing may be known but that it answers.
      return answer.ok || answer.type === "opaque";
    } catch {
      return false;
    }
  }

  async #poll() {
    if (performance.now() - this.#polledAtMs < POLL_MS) return;
    this.#polledAtMs = performance.now();
    try {
      const answer = await fetch(new URL("api/cameras", this.base), {
        cache: "no-store",
        signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const cameras = camerasFromJson(await answer.json());
      if (!this.link.blocked) return;
      this.directory.replace(cameras);
      this.informed = this.readable = true;
    } catch {
      if (!(await this.#probe())) return this.#step({ type: "unreachable" });
      if (!this.link.blocked) return;
      this.informed = this.readable = false;
    }
    this.dispatchEvent(new Event("cameras"));
  }

  /** @param {unknown} data */
  #message(data) {
    this.#heartbeat.heard();
    if (!(data instanceof ArrayBuffer)) return;
    let message;
    try {
      message = decodeToViewer(new Uint8Array(data));
    } catch (error) {
      if (this.malformed++ === 0) console.warn("the relay sent a message that cannot be read:", error);
      return;
    }
    switch (message.kind) {
      case "frame":
        return this.#watchers(message.frame, (watcher) => watcher.frame(message.frame));
      case "init": {
        const { init } = message;
        if (this.#watchers(init, (watcher) => watcher.init?.(init))) this.#inits.set(streamKey(init), init);
        return;
      }
      case "skipped":
        return this.#watchers(message.skipped, (watcher) => watcher.skipped(message.skipped.frames));
      case "refused": {
        const { code, message: words } = message.refused;
        if (MAY_COME.includes(code)) this.#refused.add(streamKey(named(message.refused)));
        return this.#watchers(message.refused, (watcher) => watcher.refused(code, words));
      }
      case "pong":
        return this.clock.answer(message.pong.viewerTimeUs, message.pong.relayTimeUs, Date.now() * 1000);
      case "hello":
        this.hello = message.hello;
        this.dispatchEvent(new Event("link"));
        return;
      case "cameras":
        this.directory.replace(message.cameras);
        return this.#camerasChanged();
      case "cameraChanged":
        this.directory.change(message.camera);
        return this.#camerasChanged();
    }
  }

  #camerasChanged() {
    this.informed = true;
    for (const { camera, stream, ...change } of this.#interest.all()) {
      const key = streamKey({ camera, stream });
      if (!this.directory.get(camera) || !this.#refused.delete(key)) continue;
      this.#watchers({ camera, stream }, (watcher) => watcher.retried());
      this.#tell({ camera, stream, ...change });
    }
    this.dispatchEvent(new Event("cameras"));
  }

  /**
   * @param {{camera: string, stream: string}} of
   * @param {(watcher: Watcher) => void} tell
   * @returns {boolean} whether there is any
   */
  #watchers(of, tell) {
    // A copy, because a watcher may end its watch when it is told.
    const all = [...this.#interest.who(streamKey(named(of)))];
    for (const who of all) tell(/** @type {Watcher} */ (who));
    return all.length > 0;
  }
}

/**
 * The relay calls the stream by its name even where it was asked for without one.
 * @param {{camera: string, stream: string}} of
 */
const named = ({ camera, stream }) => ({ camera, stream: stream || "jpeg" });

/** @param {() => void} end */
function once(end) {
  let done = false;
  return () => {
    if (!done) end();
    done = true;
  };
}
