/**
 * What `/api/status` says, as rows of tables. Pure.
 *
 * @typedef {{name: string, codec: string, width: number, height: number, fps: number, bits_per_second: number}} Stream
 * @typedef {{name: string, title: string, online: boolean, state: string, reason: string, last_seen_us: number,
 *   source: string, streams: Stream[], viewers_of_all: number, age_ms: number | null, dropped_here: number,
 *   publisher: {version: string}, dropped: Record<string, number>}} Camera
 * @typedef {{name: string, instance: string, version: string, here: boolean, draining: boolean, started_us: number,
 *   connections: number, viewers: number, streams: number, dropped: Record<string, number>}} Relay
 * @typedef {{cameras: number, online: number, viewers: number, bits_per_second: number}} Site
 * @typedef {{time_us: number, relays: Relay[], sites: Record<string, Site>, cameras: Camera[]}} Status
 *
 * @typedef {{text: string, small?: string, href?: string, state?: string}} Cell
 */
import { bitrate, cameraTitle, clockTime, codecName, duration, latency, rate } from "../words.js";

/** Those that need somebody first. */
const ORDER = ["failed", "offline", "stalled", "connecting", "live", "idle"];

/** @param {Camera} camera */
export function stateOf(camera) {
  return camera.online ? camera.state : "offline";
}

/**
 * The cameras, those that need somebody first, then by name.
 * @param {Camera[]} cameras
 */
export function inOrder(cameras) {
  const place = (/** @type {Camera} */ camera) => (ORDER.indexOf(stateOf(camera)) + ORDER.length + 1) % (ORDER.length + 1);
  return [...cameras].sort((a, b) => place(a) - place(b) || (a.name < b.name ? -1 : 1));
}

/**
 * "stale 12, lost 3": the most frequent first.
 * @param {Record<string, number>} dropped
 */
export function reasons(dropped) {
  return Object.entries(dropped)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${reason.replaceAll("_", " ")} ${count.toLocaleString("en")}`)
    .join(", ");
}

/**
 * The figures above the tables.
 * @param {Status} status
 * @returns {{text: string, words: string, bad?: boolean}[]}
 */
export function figures({ cameras, relays, sites }) {
  const count = (/** @type {string[]} */ ...states) => cameras.filter((camera) => states.includes(stateOf(camera))).length;
  const bad = count("failed", "stalled", "offline");
  const viewers = relays.reduce((sum, relay) => sum + relay.viewers, 0);
  const bits = Object.values(sites).reduce((sum, site) => sum + site.bits_per_second, 0);
  return [
    { text: String(cameras.length), words: `${cameras.length === 1 ? "camera" : "cameras"}, ${count("live")} live` },
    { text: String(bad), words: bad === 1 ? "needs attention" : "need attention", bad: bad > 0 },
    { text: String(viewers), words: viewers === 1 ? "viewer" : "viewers" },
    { text: String(relays.length), words: relays.length === 1 ? "relay" : "relays" },
    { text: bitrate(bits), words: "from cameras" },
  ];
}

/**
 * Camera, state, rate, age, viewers, not shown, publisher.
 * @param {Camera} camera
 * @param {number} nowMs
 * @returns {Cell[]}
 */
export function cameraRow(camera, nowMs) {
  const state = stateOf(camera);
  const sent = camera.streams.filter((stream) => stream.bits_per_second > 0);
  const streams = sent.map((stream) => `${codecName(stream.codec)} ${rate(stream.fps)}, ${bitrate(stream.bits_per_second)}`);
  const size = camera.streams.find((stream) => stream.width > 0);
  const why = camera.reason || (state === "offline" ? `since ${clockTime(camera.last_seen_us / 1000, nowMs)}` : "");
  const lost = Object.values(camera.dropped).reduce((sum, count) => sum + count, 0);
  return [
    { text: cameraTitle({ camera: camera.name, title: camera.title }, camera.name), small: camera.name, href: `/watch/${camera.name}` },
    { text: state, small: why, state },
    { text: streams.join("; ") || "–", small: size ? `${size.width}×${size.height}` : "" },
    { text: camera.age_ms === null ? "–" : latency(camera.age_ms) },
    { text: String(camera.viewers_of_all) },
    { text: String(lost + camera.dropped_here), small: reasons(camera.dropped) },
    { text: camera.publisher.version || "–", small: camera.source },
  ];
}

/**
 * Relay, state, viewers, connections, streams, not shown, version.
 * @param {Relay} relay
 * @param {number} nowMs
 * @returns {Cell[]}
 */
export function relayRow(relay, nowMs) {
  const lost = Object.values(relay.dropped).reduce((sum, count) => sum + count, 0);
  return [
    { text: relay.name || relay.instance, small: relay.here ? "this one" : relay.instance },
    { text: relay.draining ? "leaving" : "live", state: relay.draining ? "connecting" : "live", small: `for ${duration(nowMs - relay.started_us / 1000)}` },
    { text: String(relay.viewers) },
    { text: String(relay.connections) },
    { text: String(relay.streams) },
    { text: String(lost), small: reasons(relay.dropped) },
    { text: relay.version },
  ];
}

/**
 * Site, cameras, viewers, rate.
 * @param {string} name
 * @param {Site} site
 * @returns {Cell[]}
 */
export function siteRow(name, site) {
  return [
    { text: name, href: `/?site=${encodeURIComponent(name)}` },
    { text: `${site.online} of ${site.cameras} online`, state: site.online === site.cameras ? "live" : "offline" },
    { text: String(site.viewers) },
    { text: bitrate(site.bits_per_second) },
  ];
}
