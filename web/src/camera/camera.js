/** One camera, as large as it goes. */
import { h, iconButton } from "../dom.js";
import { icon } from "../icons.js";
import { showHelp } from "../page/help.js";
import { onKeys } from "../page/keys.js";
import { attempt } from "../page/toast.js";
import { canPictureInPicture } from "../player/pip.js";
import { cameraTitle } from "../words.js";
import { matching, siteOf } from "../wall/filter.js";
import { fade } from "./fade.js";
import { gestures } from "./gestures.js";
import { qualityControl } from "./quality.js";
import { sheet } from "./sheet.js";
import { soundControl } from "./sound.js";
import { statsOverlay } from "./stats.js";

/** @type {[string, string][]} */
const KEYS = [
  ["← →", "The camera before, the next one"],
  ["Space", "Pause, and go live again"],
  ["F", "Full screen"],
  ["S", "Save a snapshot"],
  ["P", "Picture in picture"],
  ["M", "Sound on, off"],
  ["I", "Statistics"],
  ["U", "Use it elsewhere"],
  ["+ − 0", "Zoom in, out, not at all"],
  ["Esc", "Back to all cameras"],
  ["?", "This help"],
];

/** @param {import("../page/app.js").App} app @returns {import("../page/app.js").View} */
export function cameraView(app) {
  const { camera } = app.place();
  const { directory } = app.connection;
  const player = /** @type {import("../player/element.js").SightlinePlayer} */ (document.createElement("sightline-player"));
  player.setAttribute("camera", camera);
  player.className = "stage";

  const name = h("h1", {});
  const site = h("span", { class: "site" }, siteOf(camera));
  const back = h("a", { class: "icon-button", "aria-label": "All cameras", title: "All cameras" }, icon("back"));
  const previous = h("a", { class: "neighbour previous", "aria-label": "Camera before" }, icon("previous"));
  const next = h("a", { class: "neighbour next", "aria-label": "Next camera" }, icon("next"));
  const stats = statsOverlay();
  const elsewhere = sheet(camera, () => openSheet(false));
  elsewhere.element.hidden = true;

  const play = iconButton("Pause", icon("pause"), togglePlay);
  const live = h("button", { type: "button", class: "go-live", hidden: true, onclick: togglePlay }, "Go live");
  const sound = soundControl(player, () => fading.wake());
  const quality = qualityControl(player, app.place().quality, (to) => app.adjust({ quality: to }));
  const full = iconButton("Full screen", icon("fullscreen"), toggleFullscreen);
  const info = iconButton("Statistics", icon("stats"), toggleStats, { "aria-pressed": "false" });
  const share = h("button", { type: "button", class: "text-button", "aria-expanded": "false", onclick: () => openSheet(elsewhere.element.hidden) }, icon("share"), h("span", {}, "Use it elsewhere"));
  const bottom = h("div", { class: "bar bottom" }, play, live, sound.element, h("span", { class: "spacer" }), quality.element, info);
  bottom.append(iconButton("Snapshot", icon("snapshot"), snapshot));
  if (canPictureInPicture()) bottom.append(iconButton("Picture in picture", icon("pip"), float));
  if (document.fullscreenEnabled) bottom.append(full);
  const top = h("div", { class: "bar top" }, back, h("div", { class: "names" }, name, site), h("span", { class: "spacer" }), share, iconButton("Keys", icon("help"), () => showHelp(KEYS), { class: "icon-button with-keyboard" }));
  const screen = h("main", { class: "screen" }, player, top, stats.element, previous, next, bottom);
  const element = h("div", { class: "camera-view" }, screen, elsewhere.element);

  const fading = fade(screen, () => player.paused || !stats.element.hidden || screen.querySelector(":focus-visible") !== null);
  const zoom = gestures(player, (to) => player.setZoom(to), (event) => event.pointerType === "touch" && fading.toggle());

  function togglePlay() {
    if (player.paused) player.play();
    else player.pause();
    live.hidden = !player.paused;
    play.replaceChildren(icon(player.paused ? "play" : "pause"));
    play.title = player.paused ? "Go live" : "Pause";
    play.setAttribute("aria-label", play.title);
    fading.wake();
  }
  function snapshot() {
    void attempt(() => player.saveSnapshot(), "Snapshot saved");
  }
  function float() {
    void attempt(() => player.togglePictureInPicture());
  }
  function toggleFullscreen() {
    void attempt(() => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()));
  }
  function toggleStats() {
    const shown = stats.element.hidden;
    if (player.stats) stats.show(player.stats);
    stats.element.hidden = !shown;
    info.setAttribute("aria-pressed", String(shown));
    fading.wake();
  }
  /** @param {boolean} open */
  function openSheet(open) {
    elsewhere.element.hidden = !open;
    share.setAttribute("aria-expanded", String(open));
    if (open) elsewhere.focus();
    else share.focus();
  }
  function escape() {
    if (!elsewhere.element.hidden) openSheet(false);
    else if (!stats.element.hidden) toggleStats();
    else if (!document.fullscreenElement) back.click();
  }

  function update() {
    const title = cameraTitle(directory.get(camera), camera);
    name.textContent = title;
    document.title = `${title} · Sightline`;
    quality.update(directory.get(camera));
    back.href = app.address({ view: "wall", camera: "" });
    const names = matching(directory.all(), app.place()).map((each) => each.camera);
    const at = names.indexOf(camera);
    for (const [link, to] of /** @type {const} */ ([[previous, names[at - 1]], [next, names[at + 1]]])) {
      link.hidden = at < 0 || to === undefined;
      if (!to) continue;
      link.href = app.address({ view: "camera", camera: to });
      link.title = cameraTitle(directory.get(to), to);
    }
  }

  const fullscreenChanged = () => full.replaceChildren(icon(document.fullscreenElement ? "restore" : "fullscreen"));
  player.addEventListener("stats", (event) => {
    if (!stats.element.hidden) stats.show(/** @type {CustomEvent} */ (event).detail);
  });
  app.connection.addEventListener("cameras", update);
  document.addEventListener("fullscreenchange", fullscreenChanged);
  const endKeys = onKeys({
    ArrowLeft: () => previous.hidden || previous.click(),
    ArrowRight: () => next.hidden || next.click(),
    " ": togglePlay,
    f: toggleFullscreen,
    s: snapshot,
    p: float,
    m: sound.toggle,
    i: toggleStats,
    u: () => openSheet(elsewhere.element.hidden),
    "+": () => zoom.by(1.5),
    "=": () => zoom.by(1.5),
    "-": () => zoom.by(1 / 1.5),
    0: zoom.reset,
    Escape: escape,
    "?": () => showHelp(KEYS),
  });
  update();

  return {
    element,
    title: document.title,
    moved: update,
    end() {
      endKeys();
      fading.end();
      app.connection.removeEventListener("cameras", update);
      document.removeEventListener("fullscreenchange", fullscreenChanged);
    },
  };
}
