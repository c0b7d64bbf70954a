/**
 * What this browser can decode, and on this page.
 *
 * @typedef {import("../wire/messages.js").Stream} Stream
 * @typedef {import("./choose.js").Ability} Ability
 */

/** What is asked about while a camera has not told its parameters: what nearly every camera and browser has. */
const USUAL = { h264: "avc1.42E01F", h265: "hev1.1.6.L93.B0" };

/** @type {Ability} */
const YES = { ok: true, why: "" };

/** @typedef {new () => MediaSource} MediaSourceClass */

/**
 * Where there are both, the managed one needs less power; where there is only the managed one, it is a phone.
 * @param {any} scope
 * @returns {(MediaSourceClass & {isTypeSupported(mime: string): boolean}) | undefined}
 */
export const mediaSourceOf = (scope) => scope.ManagedMediaSource ?? scope.MediaSource;

/** Events: `change` when something that was being found out is known. */
export class Capabilities extends EventTarget {
  #scope;
  /** Answers by codec string. Cameras have few, but may change them: the oldest go. @type {Map<string, Ability>} */
  #decodable = new Map();

  /** @param {any} [scope] the page's global object */
  constructor(scope = globalThis) {
    super();
    this.#scope = scope;
  }

  /**
   * @param {import("./choose.js").VideoKind} kind
   * @param {Stream} stream
   * @returns {Ability}
   */
  able(kind, { codec, codecString }) {
    const asked = codecString || (codec === "h265" ? USUAL.h265 : USUAL.h264);
    return kind === "mse" ? this.#plays(asked) : this.#decodes(asked);
  }

  /** Whether sound of this codec can be heard. @param {Stream} stream */
  hears({ codec, codecString }) {
    if (codec !== "aac") return false;
    return mediaSourceOf(this.#scope)?.isTypeSupported(`audio/mp4; codecs="${codecString || "mp4a.40.2"}"`) === true;
  }

  /** @param {string} codec @returns {Ability} */
  #plays(codec) {
    const source = mediaSourceOf(this.#scope);
    if (!source) return { ok: false, why: "this browser has none" };
    return source.isTypeSupported(`video/mp4; codecs="${codec}"`) ? YES : { ok: false, why: `this browser does not play ${codec}` };
  }

  /** @param {string} codec @returns {Ability} */
  #decodes(codec) {
    if (!this.#scope.isSecureContext) return { ok: false, why: "only pages over https, and of this machine, have it" };
    if (!this.#scope.VideoDecoder) return { ok: false, why: "this browser has none" };
    const known = this.#decodable.get(codec);
    if (known) return known;
    const pending = { ok: null, why: "the browser is being asked" };
    if (this.#decodable.size >= 64) this.#decodable.delete(this.#decodable.keys().next().value ?? "");
    this.#decodable.set(codec, pending);
    void this.#ask(codec);
    return pending;
  }

  /** @param {string} codec */
  async #ask(codec) {
    /** @type {Ability} */
    let answer = { ok: false, why: `this browser does not decode ${codec}` };
    try {
      const { supported } = await this.#scope.VideoDecoder.isConfigSupported(decoderConfig(codec));
      if (supported) answer = YES;
    } catch {
      // Not even a codec to this browser.
    }
    this.#decodable.set(codec, answer);
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * Annex B, shown as soon as it is decoded.
 * @param {string} codec
 * @returns {VideoDecoderConfig}
 */
export const decoderConfig = (codec) => ({ codec, optimizeForLatency: true });

/** Of this page. */
export const capabilities = new Capabilities();
