/** One camera on the wall. */
import { h, iconButton } from "../dom.js";
import { icon } from "../icons.js";
import { attempt } from "../page/toast.js";
import { bitrate, cameraTitle, codecName, latency, rate } from "../words.js";

/**
 * @typedef {import("../player/element.js").SightlinePlayer} SightlinePlayer
 * @typedef {import("../player/state.js").PlayerState} PlayerState
 * @typedef {import("../player/measures.js").Stats} Stats
 */

/** Tiles narrower than this show the state above the name rather than beside it, CSS pixels. */
const NARROW = 420;

/**
 * @param {string} camera "site/camera"
 * @param {() => void} resized the picture has another shape than was announced
 */
export function tile(camera, resized) {
  const player = /** @type {SightlinePlayer} */ (document.createElement("sightline-player"));
  player.setAttribute("camera", camera);
  player.toggleAttribute("brief", true);
  player.setAttribute("quality", "low");
  const link = h("a", { class: "tile-link", "data-camera": camera });
  const name = h("span", { class: "tile-name" });
  const figures = h("span", { class: "tile-figures" });
  const buttons = h("div", { class: "tile-buttons" });
  const snapshot = iconButton("Snapshot", icon("snapshot"), () => attempt(() => player.saveSnapshot(), "Snapshot saved"));
  const full = iconButton("Full screen", icon("fullscreen"), () => attempt(() => player.toggleFullscreen()));
  buttons.append(snapshot);
  if (document.fullscreenEnabled) buttons.append(full);
  player.append(h("div", { class: "tile-label" }, name, figures));
  const element = h("li", { class: "tile" }, player, link, buttons);

  let title = "";
  let width = 0;
  function label() {
    const words = `${title}, ${camera}: ${player.state?.spoken ?? "connecting"}`;
    if (link.getAttribute("aria-label") !== words) link.setAttribute("aria-label", words);
  }

  player.addEventListener("size", resized);
  player.addEventListener("state", (event) => {
    const state = /** @type {CustomEvent<PlayerState>} */ (event).detail;
    element.dataset.kind = state.kind;
    label();
  });
  player.addEventListener("stats", (event) => {
    if (!element.matches(":hover, :focus-within")) return;
    figures.textContent = figuresOf(/** @type {CustomEvent<Stats>} */ (event).detail);
  });
  element.addEventListener("pointerenter", () => {
    if (player.stats) figures.textContent = figuresOf(player.stats);
  });

  return {
    camera,
    element,
    player,
    link,
    /**
     * @param {import("../wire/messages.js").CameraInfo} info
     * @param {string} address of the camera's own page
     */
    update(info, address) {
      title = cameraTitle(info, camera);
      if (name.textContent !== title) {
        name.textContent = title;
        snapshot.setAttribute("aria-label", `Snapshot of ${title}`);
        full.setAttribute("aria-label", `${title}, full screen`);
      }
      if (link.getAttribute("href") !== address) link.href = address;
      label();
    },
    /**
     * @param {import("./layout.js").Tile} at
     * @param {number} maxFps
     */
    place(at, maxFps) {
      element.style.transform = `translate(${at.x}px, ${at.y}px)`;
      element.style.width = `${at.width}px`;
      element.style.height = `${at.height}px`;
      if (width !== at.width) element.classList.toggle("narrow", at.width < NARROW);
      width = at.width;
      if (player.getAttribute("max-fps") !== String(maxFps)) player.setAttribute("max-fps", String(maxFps));
    },
  };
}

/** @param {Stats} stats */
function figuresOf({ shownFps, codec, latencyMs, bitsPerSecond }) {
  const parts = [codecName(codec)];
  if (shownFps) parts.unshift(rate(shownFps));
  if (latencyMs !== null) parts.push(latency(latencyMs));
  if (bitsPerSecond) parts.push(bitrate(bitsPerSecond));
  return parts.join(" · ");
}
