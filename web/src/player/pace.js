/**
 * Asks for fewer frames when this machine cannot show those that come, and for more once it can. Pure:
 * times are milliseconds, monotonic.
 *
 * What is not asked for is not sent, decoded and thrown away, so everything on the page becomes fluent.
 */

/** How often it is judged. */
const EVERY_MS = 2_000;
/** More than this part of the frames thrown away is too much. */
const TOO_MUCH = 0.15;
/** So much less than what could be shown is asked for. */
const HEADROOM = 0.8;
const LEAST_FPS = 2;
/** After so many judgements without a loss, more is tried, by this factor. */
const CALM = 4;
const RISE = 1.4;
/** Every raise that was too much makes the next one wait longer by this factor, up to a limit. */
const PATIENCE = 2;
const MAX_CALM = 32;

export class Pace {
  #judgedAtMs = -Infinity;
  #shown = 0;
  #lost = 0;
  #calm = 0;
  #calmNeeded = CALM;
  #raised = false;
  /** What this machine bears; Infinity while it bears everything. */
  #fps = Infinity;

  /** A frame was shown. */
  shown() {
    this.#shown++;
  }

  /** A frame came while the one before it still waited. */
  lost() {
    this.#lost++;
  }

  /** The player has stopped: what was counted is no rate. @param {number} nowMs */
  restart(nowMs) {
    this.#judgedAtMs = nowMs;
    this.#shown = this.#lost = 0;
  }

  /**
   * What to ask for.
   * @param {number} nowMs
   * @param {number} maxFps what is wanted at most; 0: all frames
   * @returns {number} frames per second; 0: all of them
   */
  ask(nowMs, maxFps) {
    if (nowMs - this.#judgedAtMs >= EVERY_MS) this.#judge(nowMs);
    const fps = Math.min(maxFps || Infinity, this.#fps);
    return fps === Infinity ? 0 : fps;
  }

  /** @param {number} nowMs */
  #judge(nowMs) {
    const seconds = (nowMs - this.#judgedAtMs) / 1000;
    const [shown, lost] = [this.#shown, this.#lost];
    this.restart(nowMs);
    if (lost > (shown + lost) * TOO_MUCH) {
      if (this.#raised) this.#calmNeeded = Math.min(MAX_CALM, this.#calmNeeded * PATIENCE);
      this.#fps = Math.max(LEAST_FPS, Math.round((shown / seconds) * HEADROOM));
      this.#raised = false;
      this.#calm = 0;
    } else if (this.#fps < Infinity && ++this.#calm >= this.#calmNeeded) {
      // Nobody has more than 60; what is not limited needs no asking.
      this.#fps = this.#fps * RISE > 60 ? Infinity : Math.ceil(this.#fps * RISE);
      this.#raised = true;
      this.#calm = 0;
    }
  }
}
