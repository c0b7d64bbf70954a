/**
 * What a player says about its picture, in words. Pure.
 *
 * The rule behind all of it: a picture that is not known to be fresh never looks live.
 */
import { clockTime, codecName, duration } from "../words.js";

/**
 * @typedef {"connecting" | "live" | "stalled" | "offline" | "failed" | "undecodable" | "forbidden"
 *   | "missing" | "unreachable" | "unverified" | "paused"} Kind
 *
 * @typedef {object} PlayerState
 * @property {Kind} kind
 * @property {string} words for a mark over the picture; may count seconds
 * @property {string} spoken for a screen reader: the same without what counts
 * @property {"none" | "quiet" | "warning" | "error"} tone
 *
 * @typedef {object} Facts what is known now; times are milliseconds since 1970 by this machine's clock
 * @property {number} nowMs
 * @property {"connecting" | "open" | "lost" | "blocked"} link the connection to the relay
 * @property {number | null} retryInMs until the next try of a lost connection
 * @property {boolean} informed whether `info` is up to date
 * @property {import("../wire/messages.js").CameraInfo | undefined} info
 * @property {number} lastSeenMs when the camera last announced itself
 * @property {{code: string, message: string} | null} refused the relay's answer to the subscription
 * @property {string | null} broken why pictures cannot be shown, in words
 * @property {boolean} showable whether this page has a way to show what the camera offers
 * @property {boolean} timed whether the route tells of each picture
 * @property {number} startedMs when watching began
 * @property {number | null} freshMs when the last fresh picture was shown since then
 * @property {number} fps what is expected; 0 while unknown
 * @property {number | null} pausedMs when it was paused
 */

/** Shorter gaps are no news, at any rate. */
const STALLED_AFTER_MS = 2_000;
/** So many pictures missing in a row are a stall, at low rates. */
const STALLED_AFTER_FRAMES = 3;
/** Until then a first picture is simply on its way. */
const PATIENCE_MS = 4_000;

/**
 * @param {number} fps 0 while unknown
 */
export function stalledAfterMs(fps) {
  return Math.max(STALLED_AFTER_MS, fps > 0 ? (STALLED_AFTER_FRAMES * 1000) / fps : 0);
}

/**
 * @param {Kind} kind
 * @param {PlayerState["tone"]} tone
 * @param {string} words
 * @param {string} [spoken]
 * @returns {PlayerState}
 */
const say = (kind, tone, words, spoken = words) => ({ kind, tone, words, spoken });

/**
 * @param {Facts} facts
 * @returns {PlayerState}
 */
export function describe(facts) {
  const { nowMs, info } = facts;
  if (facts.pausedMs !== null) return say("paused", "quiet", `paused at ${clockTime(facts.pausedMs, nowMs)}`);
  if (facts.link === "lost") return unreachable(facts);
  if (facts.link === "connecting") return say("connecting", "quiet", "connecting to the relay");
  if (facts.refused) return refused(facts.refused);
  if (info && facts.informed) {
    const told = announced(facts, info);
    if (told) return told;
  }
  if (facts.broken) return say("failed", "error", facts.broken);
  if (!facts.timed) return say("unverified", "warning", "cannot tell whether this is live");
  return timed(facts, info);
}

/** @param {Facts} facts */
function unreachable({ retryInMs }) {
  const seconds = Math.ceil((retryInMs ?? 0) / 1000);
  const next = seconds > 0 ? `next try in ${seconds} s` : "trying again";
  return say("unreachable", "error", `relay unreachable, ${next}`, "relay unreachable");
}

/** @param {{code: string, message: string}} answer */
function refused({ code, message }) {
  if (code === "unknown_camera") return say("missing", "error", "no such camera");
  if (code === "forbidden") return say("forbidden", "error", message || "no permission to watch this camera");
  if (code === "unknown_stream") return say("undecodable", "warning", "it offers no pictures that this page can show");
  return say("failed", "error", message || code);
}

/**
 * What the announcement settles by itself.
 * @param {Facts} facts
 * @param {import("../wire/messages.js").CameraInfo} info
 */
function announced({ lastSeenMs, nowMs, showable }, info) {
  if (!info.online) {
    const since = lastSeenMs > 0 ? ` since ${clockTime(lastSeenMs, nowMs)}` : "";
    return say("offline", "error", `offline${since}`);
  }
  if (info.state === "failed") return say("failed", "error", info.reason || "the camera cannot be opened");
  const video = info.streams.filter((stream) => stream.codec !== "aac");
  if (showable || video.length === 0) return null;
  return say("undecodable", "warning", `${codecName(video[0].codec)}: this browser cannot show it`);
}

/**
 * @param {Facts} facts
 * @param {import("../wire/messages.js").CameraInfo | undefined} info
 */
function timed({ nowMs, freshMs, startedMs, fps }, info) {
  if (freshMs === null) {
    const waited = nowMs - startedMs;
    if (info?.state === "stalled") return say("stalled", "warning", info.reason || "the camera gives no picture");
    if (info?.state === "connecting") return say("connecting", "quiet", "opening the camera");
    if (waited < PATIENCE_MS) return say("connecting", "quiet", "connecting");
    return say("connecting", "warning", `no picture for ${duration(waited)}`, "no picture yet");
  }
  const gap = nowMs - freshMs;
  if (gap < stalledAfterMs(fps)) return say("live", "none", "live");
  return say("stalled", "warning", `no new picture for ${duration(gap)}`, "no new picture");
}
