/** Finds the way to a camera: gathers what is known, and remembers what did not work. */
import { statusOf } from "../connection/status.js";
import { capabilities } from "../routes/capabilities.js";
import { chooseRoute, wayKey } from "../routes/choose.js";
import { inUse } from "../routes/create.js";
import { Slowness } from "./slowness.js";

/**
 * @typedef {import("../routes/choose.js").Taken} Taken
 * @typedef {import("../routes/choose.js").Choice} Choice
 * @typedef {import("../connection/connection.js").Connection} Connection
 */

/** Ways that were given up, at most: a camera has few, but may change its parameters. */
const MAX_FAILED = 32;

export class Selection {
  #base;
  #changed;
  /** @type {import("../routes/choose.js").Reach} */
  #reach = "everything";
  /** @type {Map<string, string>} */
  #failed = new Map();
  #slowness = new Slowness();

  /**
   * @param {string} base the relay's address
   * @param {() => void} changed there may be a better choice now
   */
  constructor(base, changed) {
    this.#base = base;
    this.#changed = changed;
    capabilities.addEventListener("change", changed);
  }

  end() {
    capabilities.removeEventListener("change", this.#changed);
  }

  /** The connection does not carry all that was asked for. */
  behind() {
    this.#slowness.behind(performance.now());
  }

  /**
   * @param {Taken} way
   * @param {string} why it is given up
   */
  failed({ kind, stream, codecString }, why) {
    if (this.#failed.size >= MAX_FAILED) this.#failed.clear();
    this.#failed.set(wayKey(kind, { name: stream, codecString }), why);
  }

  /** The reader asks anew: what has failed may be tried again. */
  forgive() {
    this.#failed.clear();
  }

  /**
   * @param {{camera: string, quality: import("../routes/choose.js").Quality}} wanted
   * @param {Connection} connection
   * @param {boolean} sound somebody listens
   * @param {Taken | null} taken
   * @returns {{choice: Choice, offered: boolean}} `offered`: there is sound that can be heard
   */
  choose({ camera, quality }, connection, sound, taken) {
    this.#reach = this.#reachNow(connection);
    const streams = connection.directory.get(camera)?.streams ?? null;
    const used = inUse(this.#base);
    const audible = this.#reach === "everything" && streams !== null && audibleIn(streams);
    const choice = chooseRoute({
      reach: this.#reach,
      streams,
      informed: connection.informed,
      quality,
      slow: this.#slowness.slow(performance.now()),
      sound: sound && audible,
      able: (kind, stream) => capabilities.able(kind, stream),
      failed: this.#failed,
      multipartStreams: used.multipartStreams - Number(taken?.kind === "multipart"),
      mediaElements: used.mediaElements - Number(taken?.kind === "mse"),
    });
    return { choice, offered: audible };
  }

  /**
   * What gets through to this page. While that is not known, it stays with what did before.
   * @param {Connection} connection
   */
  #reachNow({ link, readable }) {
    const status = statusOf(link);
    if (status === "open") return "everything";
    if (status !== "blocked" || readable === null) return this.#reach;
    return readable ? "http" : "images";
  }
}

/**
 * Whether there is sound, and a picture that it can be played with.
 * @param {import("../wire/messages.js").Stream[]} streams
 */
function audibleIn(streams) {
  const plays = streams.some((stream) => stream.codec === "h264" && capabilities.able("mse", stream).ok);
  return plays && streams.some((stream) => capabilities.hears(stream));
}
