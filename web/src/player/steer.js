/**
 * Keeps a `<video>` close behind what has arrived. Pure: times are seconds on the element's timeline, but for
 * those in milliseconds, which are monotonic.
 *
 * @typedef {{startS: number, endS: number}} Range what is buffered, in order
 *
 * @typedef {object} Facts
 * @property {number} currentS what is shown
 * @property {Range[]} ranges
 * @property {number} targetS how far behind the newest frame it should be
 * @property {number} rate the playback rate now
 * @property {boolean} starting the stream begins: its first group is not watched from its start
 */

/** How far behind a viewer is kept at first. Enough for the uneven arrival in a local network. */
export const TARGET_S = 0.15;
/** Further behind, it jumps rather than hurries. */
const JUMP_S = 1.5;
const STARTING_JUMP_S = 0.4;
/** So much more than the target is not yet worth hurrying. */
const SLACK_S = 0.04;
/** So close to the target it is reached. */
const REACHED_S = 0.005;
/** Rates that eyes and ears forgive. */
const LEAST_HURRY = 1.03;
const MOST_HURRY = 1.1;
/** This close to the end of a range nothing more is shown of it. */
const EXHAUSTED_S = 0.06;

/**
 * @param {Facts} facts
 * @returns {{seekS: number | null, rate: number}}
 */
export function steer({ currentS, ranges, targetS, rate, starting }) {
  const last = ranges[ranges.length - 1];
  if (!last) return { seekS: null, rate: 1 };
  const liveS = Math.max(last.startS, last.endS - targetS);
  const behindS = last.endS - currentS;
  const jumpS = Math.max(starting ? STARTING_JUMP_S : JUMP_S, targetS * 2);
  // Far behind, or ahead of everything: the timeline has begun anew.
  if (behindS > jumpS || behindS < -jumpS) return { seekS: liveS, rate: 1 };
  const next = ranges.find(({ startS }) => startS > currentS);
  const here = ranges.find(({ startS, endS }) => startS <= currentS && currentS <= endS);
  // A gap: nothing will ever come for it.
  if (next && (!here || here.endS - currentS < EXHAUSTED_S)) {
    return { seekS: next === last ? Math.min(liveS, Math.max(next.startS, currentS)) : next.startS, rate: 1 };
  }
  return { seekS: null, rate: hurry(behindS - targetS, jumpS - targetS, rate) };
}

/**
 * @param {number} excessS further behind than wanted
 * @param {number} mostS
 * @param {number} rate now: a hurry ends at the target, not before
 */
function hurry(excessS, mostS, rate) {
  if (excessS < REACHED_S || (rate <= 1 && excessS < SLACK_S)) return 1;
  const share = Math.min(1, excessS / mostS);
  return Math.round((LEAST_HURRY + (MOST_HURRY - LEAST_HURRY) * share) * 100) / 100;
}

/** Every time the player runs dry for a moment, it stays further behind; slowly it comes closer again. */
const MOST_S = 0.6;
const GROWTH = 1.3;
const SHRINK = 0.8;
const CALM_MS = 10_000;

export class Target {
  #leastS;
  #nowS;
  #changedAtMs = -Infinity;

  /** @param {number} leastS how far behind at least */
  constructor(leastS) {
    this.#leastS = this.#nowS = leastS;
  }

  /** There was nothing more to show for a moment: frames arrive unevenly. @param {number} nowMs */
  ranDry(nowMs) {
    this.#nowS = Math.min(Math.max(MOST_S, this.#leastS), this.#nowS * GROWTH);
    this.#changedAtMs = nowMs;
  }

  /** @param {number} nowMs @returns {number} seconds */
  at(nowMs) {
    if (this.#nowS > this.#leastS && nowMs - this.#changedAtMs >= CALM_MS) {
      this.#nowS = Math.max(this.#leastS, this.#nowS * SHRINK);
      this.#changedAtMs = nowMs;
    }
    return this.#nowS;
  }
}

/** What has been watched is kept for so long before it is removed from the browser's memory. */
const KEEP_S = 10;
/** Removal costs something, so it waits for this much. */
const REMOVE_S = 20;

/**
 * Until where a buffer is emptied. Removal reaches on to the next key frame, so it must end at one, before what is shown.
 * @param {number} currentS
 * @param {number} firstS where the buffer begins
 * @param {number[]} keysS key frames, in order
 * @param {boolean} full the browser has no room for more
 * @returns {number | null} seconds; null: nothing is to be removed
 */
export function removeUntil(currentS, firstS, keysS, full) {
  if (!full && currentS - firstS < KEEP_S + REMOVE_S) return null;
  const before = currentS - (full ? 0 : KEEP_S);
  const key = keysS.filter((keyS) => keyS <= before).pop();
  return key !== undefined && key > firstS ? key : null;
}
