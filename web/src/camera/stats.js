/** The figures behind the picture. */
import { h } from "../dom.js";
import { bitrate, codecName, latency, rate } from "../words.js";

/**
 * @typedef {import("../player/measures.js").Stats} Stats
 */

/**
 * Each line of the overlay. Pure.
 * @param {Stats} stats
 * @returns {[name: string, value: string][]}
 */
export function lines(stats) {
  const unknown = "not known on this route";
  const dropped = Object.entries(stats.dropped).map(([reason, count]) => `${count} ${reason}`);
  return [
    ["Route", stats.route ? `${stats.route}: ${stats.why}` : "none yet"],
    ["Picture", stats.width ? `${pictureOf(stats)}, ${stats.width} × ${stats.height}` : "none yet"],
    ["Sound", stats.sound],
    [
      "Rate",
      stats.receivedFps === null || stats.shownFps === null
        ? unknown
        : `${rate(stats.receivedFps)} received, ${rate(stats.shownFps)} shown`,
    ],
    ["Bitrate", stats.bitsPerSecond === null ? unknown : bitrate(stats.bitsPerSecond)],
    ["Latency", stats.latencyMs === null ? unknown : `${latency(stats.latencyMs)}, capture to screen, if publisher and relay have the same time`],
    ["Dropped", dropped.join(", ") || "none"],
    ["Stalls", String(stats.stalls)],
    ["Reconnects", String(stats.reconnects)],
    ["Relay", [stats.relay, stats.roundTripMs === null ? "" : `${latency(stats.roundTripMs)} away`].filter(Boolean).join(", ") || "not known"],
  ];
}

/** @param {Stats} stats */
function pictureOf({ codec, codecString, stream }) {
  const name = codecString ? `${codecName(codec)} (${codecString})` : codecName(codec);
  return stream === "sub" ? `${name}, the small stream` : name;
}

/** An overlay that shows what it is given. */
export function statsOverlay() {
  const list = h("dl", { class: "stats", "aria-label": "Statistics", hidden: true });
  return {
    element: list,
    /** @param {Stats} stats */
    show(stats) {
      list.replaceChildren(...lines(stats).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
    },
  };
}
