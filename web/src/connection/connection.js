/**
 * One relay, and everything that this page watches there, over one WebSocket. Which relay that is may change.
 *
 * It connects while somebody watches or follows the cameras, and reconnects by itself. Events: `link`
 * when the connection changes, `cameras` when a camera does.
 */
import { encodeFollowCameras, encodeSubscribe, encodeUnsubscribe } from "../wire/messages.js";
import { Carrier } from "./carrier.js";
import { RelayClock } from "./clock.js";
import { Directory } from "./directory.js";
import { answers, camerasOf } from "./http.js";
import { Interest, streamKey } from "./interest.js";
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

/** How often time is looked at. */
const TICK_MS = 250;
/** How long the connection is kept without users: from one view to the next. */
const LINGER_MS = 3_000;
/** How often the cameras are asked for by HTTP while WebSockets are refused. */
const POLL_MS = 2_000;
/** What the relay refuses today and may have tomorrow. */
const MAY_COME = ["unknown_camera", "unknown_stream"];

export class Connection extends EventTarget {
  #carrier;
  /** @type {Interest} */
  #interest = new Interest();
  /** Streams that were refused, until their camera changes. At most as many as are watched. */
  #refused = new Set();
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
    this.#carrier = new Carrier(base, WebSocketClass, {
      greet: (socket) => {
        socket.send(encodeFollowCameras());
        this.#subscribe(socket);
        socket.beat(true);
      },
      subscribe: (socket) => this.#subscribe(socket),
      wanted: () => this.#interest.all().map((change) => streamKey(named(change))),
      opened: () => this.#opened("opened"),
      closed: (code) => this.#step({ type: "closed", code }),
      moved: (open) => (open ? this.#opened("moved") : this.#step({ type: "moving" })),
      message: (message) => this.#message(message),
    });
    this.base = base;
    this.link = IDLE;
    this.clock = new RelayClock();
    this.directory = new Directory();
    /** @type {import("../wire/messages.js").Hello | null} */
    this.hello = null;
    /** How often a connection was made anew. */
    this.reconnects = 0;
    /** Whether the cameras' states are known to be up to date. */
    this.informed = false;
    /**
     * Whether this page may read what the relay answers by HTTP; null while that is not known.
     * @type {boolean | null}
     */
    this.readable = null;
  }

  /** Messages that could not be read. */
  get malformed() {
    return this.#carrier.malformed;
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
    const init = this.#carrier.initOf(streamKey(named(current)));
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
          this.#refused.delete(streamKey(named(current)));
          this.#carrier.forget(streamKey(named(current)));
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

  /** @param {boolean} urgent ping now */
  #beat(urgent) {
    if (this.#carrier.beat(urgent)) this.#step({ type: "silent" });
  }

  /** @param {LinkEvent} event */
  #step(event) {
    const before = this.link;
    const [link, action] = step(before, event, performance.now(), Math.random());
    if (link === before) return;
    this.link = link;
    if (action === "close") this.#carrier.close();
    if (link.kind !== "open" && !link.blocked) this.informed = false;
    if (action === "open") this.#carrier.open();
    else if (action === "probe") void answers(this.base).then((ok) => this.#step({ type: "probed", ok }));
    this.dispatchEvent(new Event("link"));
  }

  /** @param {"opened" | "moved"} type */
  #opened(type) {
    if (this.hello) this.reconnects++;
    this.#refused.clear();
    this.#step({ type });
  }

  /** @param {import("./socket.js").Socket} socket */
  #subscribe(socket) {
    for (const change of this.#interest.all()) socket.send(encode(change));
  }

  /** @param {Change | null} change */
  #tell(change) {
    if (change) this.#carrier.send(encode(change));
  }

  async #poll() {
    if (performance.now() - this.#polledAtMs < POLL_MS) return;
    this.#polledAtMs = performance.now();
    try {
      const cameras = await camerasOf(this.base);
      if (!this.link.blocked) return;
      this.directory.replace(cameras);
      this.informed = this.readable = true;
    } catch {
      if (!(await answers(this.base))) return this.#step({ type: "unreachable" });
      if (!this.link.blocked) return;
      this.informed = this.readable = false;
    }
    this.dispatchEvent(new Event("cameras"));
  }

  /** @param {import("../wire/messages.js").ToViewer} message */
  #message(message) {
    switch (message.kind) {
      case "frame":
        return this.#watchers(message.frame, (watcher) => watcher.frame(message.frame));
      case "init":
        return this.#watchers(message.init, (watcher) => watcher.init?.(message.init));
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
   */
  #watchers(of, tell) {
    // A copy, because a watcher may end its watch when it is told.
    const all = [...this.#interest.who(streamKey(named(of)))];
    for (const who of all) tell(/** @type {Watcher} */ (who));
  }
}

/** @param {Change} change */
const encode = (change) =>
  change.type === "subscribe"
    ? encodeSubscribe(change.camera, change.stream, change.maxFps, change.form)
    : encodeUnsubscribe(change.camera, change.stream);

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
