/**
 * Brings what a relay sends, in order, over one WebSocket; and while that relay leaves, over a second one to the next
 * relay, so that nothing stands still in between.
 *
 * What comes from the next relay waits until the change, but for frames: those that are newer than all before are
 * passed on from either, and where the next relay is first, the stream is its own from then on.
 */
import { decodeToViewer } from "../wire/messages.js";
import { Forward } from "./forward.js";
import { Handover } from "./handover.js";
import { streamKey } from "./interest.js";
import { Socket } from "./socket.js";

/**
 * @typedef {import("../wire/messages.js").ToViewer} ToViewer
 * @typedef {import("../wire/messages.js").Init} Init
 *
 * @typedef {object} CarrierEvents
 * @property {(socket: Socket) => void} greet a relay is there: tell it everything that is wanted
 * @property {(socket: Socket) => void} subscribe tell it the streams that are wanted once more
 * @property {() => string[]} wanted those streams
 * @property {() => void} opened
 * @property {(code: number) => void} closed
 * @property {(open: boolean) => void} moved another relay has taken over, or will as soon as its connection is open
 * @property {(message: ToViewer) => void} message
 */

/** Viewers of one relay do not all come to the next one at the same moment. It gives them two seconds. */
const SPREAD_MS = 300;
/** The relay that leaves was the only one, or the load balancer has not noticed: it is tried again. */
const AGAIN_MS = 400;

export class Carrier {
  /** Messages that could not be read. */
  malformed = 0;
  #base;
  #WebSocket;
  #events;
  #forward = new Forward();
  /** The last init segment of each stream, for players that join others. At most as many as are watched. @type {Map<string, Init>} */
  #inits = new Map();
  /** @type {Socket | null} */
  #socket = null;
  /** To the next relay, while this one leaves. @type {Socket | null} */
  #next = null;
  #handover = new Handover();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {string} base the relay's address, with a slash at the end
   * @param {typeof WebSocket | undefined} WebSocketClass the browser's by default
   * @param {CarrierEvents} events
   */
  constructor(base, WebSocketClass, events) {
    this.#base = base;
    this.#WebSocket = WebSocketClass;
    this.#events = events;
  }

  open() {
    this.#socket = this.#connect();
  }

  /** Ends it. Nothing is told any more. */
  close() {
    this.#abandon();
    this.#socket?.close();
    this.#socket = null;
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes */
  send(bytes) {
    this.#socket?.send(bytes);
    this.#next?.send(bytes);
  }

  /** Pings when it is time. Says whether the relay is silent for too long. @param {boolean} urgent ping now */
  beat(urgent) {
    if (!this.#socket?.beat(urgent)) return false;
    if (!this.#next?.open) return true;
    this.#move();
    return false;
  }

  /** @param {string} stream */
  initOf(stream) {
    return this.#inits.get(stream);
  }

  /** Nobody watches it any more. @param {string} stream */
  forget(stream) {
    this.#forward.forget(stream);
    this.#inits.delete(stream);
  }

  #connect() {
    /** @type {Socket} */
    const socket = new Socket(this.#base, this.#WebSocket ?? WebSocket, {
      opened: () => {
        if (socket === this.#socket) this.#events.opened();
        this.#events.greet(socket);
      },
      message: (data) => this.#read(socket, data),
      closed: (code) => this.#closed(socket, code),
    });
    return socket;
  }

  /** @param {Socket} socket @param {number} code */
  #closed(socket, code) {
    if (socket === this.#next) return this.#retry();
    if (socket !== this.#socket) return;
    if (this.#next) return this.#move();
    this.#abandon();
    this.#socket = null;
    this.#events.closed(code);
  }

  /** Goes on at another relay soon. @param {number} inMs */
  #leave(inMs) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#handover = new Handover();
      this.#next = this.#connect();
    }, inMs);
  }

  #retry() {
    this.#abandon();
    this.#leave(AGAIN_MS);
  }

  #abandon() {
    clearTimeout(this.#timer);
    this.#next?.close();
    this.#next = null;
  }

  /** The next relay takes over. */
  #move() {
    const next = this.#next;
    if (!next) return;
    const { informed } = this.#handover;
    this.#socket?.close();
    this.#socket = next;
    this.#next = null;
    this.#events.moved(next.open);
    if (next.hello) this.#events.message({ kind: "hello", hello: next.hello });
    if (informed) this.#events.message({ kind: "cameras", cameras: next.directory.all() });
    for (const message of next.refused.values()) this.#events.message(message);
  }

  /** @param {Socket} socket @param {unknown} data */
  #read(socket, data) {
    if (!(data instanceof ArrayBuffer)) return;
    let message;
    try {
      message = decodeToViewer(new Uint8Array(data));
    } catch (error) {
      if (this.malformed++ === 0) console.warn("the relay sent a message that cannot be read:", error);
      return;
    }
    if (socket === this.#next) this.#ofNext(socket, message);
    else this.#ofCurrent(message);
  }

  /** @param {ToViewer} message */
  #ofCurrent(message) {
    const taken = (/** @type {{camera: string, stream: string}} */ of) => this.#next !== null && this.#handover.has(streamKey(of));
    switch (message.kind) {
      case "frame":
        if (taken(message.frame) || !this.#isNewer(message.frame)) return;
        break;
      case "init":
        if (taken(message.init) || !this.#isOther(message.init)) return;
        break;
      case "skipped":
        if (taken(message.skipped)) return;
        break;
      case "leaving":
        if (!this.#next) this.#leave(Math.random() * SPREAD_MS);
        return;
    }
    this.#events.message(message);
  }

  /** @param {Socket} next @param {ToViewer} message */
  #ofNext(next, message) {
    const handover = this.#handover;
    switch (message.kind) {
      case "hello":
        next.hello = message.hello;
        return;
      case "cameras":
      case "cameraChanged":
        if (message.kind === "cameras") next.directory.replace(message.cameras);
        else next.directory.change(message.camera);
        handover.informed ||= message.kind === "cameras";
        // A relay that has just started learns of cameras one by one.
        if (next.refused.size > 0) this.#events.subscribe(next);
        next.refused.clear();
        break;
      case "frame":
        if (!this.#isNewer(message.frame)) return;
        handover.take(streamKey(message.frame));
        this.#events.message(message);
        break;
      case "init":
        if (!this.#isOther(message.init)) return;
        handover.take(streamKey(message.init));
        this.#events.message(message);
        break;
      case "skipped":
        if (handover.has(streamKey(message.skipped))) this.#events.message(message);
        return;
      case "refused":
        next.refused.set(streamKey(message.refused), message);
        return;
      case "leaving":
        return this.#retry();
      default:
        return;
    }
    const nowMs = performance.now();
    if (handover.isDone(this.#events.wanted().filter((stream) => this.#forward.flows(stream, nowMs)))) this.#move();
  }

  /** @param {import("../wire/messages.js").WatchFrame} frame */
  #isNewer(frame) {
    return this.#forward.admits(streamKey(frame), frame, performance.now());
  }

  /** @param {Init} init */
  #isOther(init) {
    const key = streamKey(init);
    const before = this.#inits.get(key);
    if (before && before.mime === init.mime && isSame(before.data, init.data)) return false;
    if (this.#events.wanted().includes(key)) this.#inits.set(key, init);
    return true;
  }
}

/** @param {Uint8Array} one @param {Uint8Array} other */
const isSame = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);
