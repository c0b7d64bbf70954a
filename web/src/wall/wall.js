/** Every camera, live, in a grid. */
import { h } from "../dom.js";
import { statusOf, statusWords } from "../connection/status.js";
import { header } from "../page/header.js";
import { showHelp } from "../page/help.js";
import { onKeys } from "../page/keys.js";
import { settings } from "../page/settings.js";
import { noCameras, noMatch, waiting } from "./empty.js";
import { matching } from "./filter.js";
import { layout } from "./layout.js";
import { neighbour } from "./neighbour.js";
import { tileFps } from "./rate.js";
import { tile } from "./tile.js";

/** The shape of a camera that has not told its own. */
const USUAL_RATIO = 16 / 9;
/** Shapes are kept within these, so that a broken announcement cannot break the grid. */
const MIN_RATIO = 0.25;
const MAX_RATIO = 6;

/** How long the page says that pictures take a slower way; the dot above goes on saying it. */
const NOTICE_MS = 8_000;

/** @type {[string, string][]} */
const KEYS = [
  ["/", "Search"],
  ["← → ↑ ↓", "From camera to camera"],
  ["Enter", "Open the camera"],
  ["0 2 3 4 6", "Layout: automatic, or so many columns"],
  ["?", "This help"],
];

/** @param {import("../page/app.js").App} app @returns {import("../page/app.js").View} */
export function wall(app) {
  const { connection } = app;
  const top = header(app);
  const grid = h("ul", { class: "grid", role: "list", "aria-label": "Cameras" });
  const notice = h("div", { class: "notice", hidden: true });
  const main = h("main", { class: "wall" }, grid);
  const element = h("div", { class: "wall-view" }, top.element, main, notice);
  /** @type {Map<string, ReturnType<typeof tile>>} */
  const tiles = new Map();
  /** @type {import("./layout.js").Tile[]} */
  let placed = [];
  let message = "";
  let scheduled = 0;
  let changedAtMs = 0;

  const schedule = () => {
    scheduled ||= requestAnimationFrame(() => {
      scheduled = 0;
      update();
    });
  };

  function update() {
    top.update();
    const place = app.place();
    const all = connection.directory.all();
    const shown = matching(all, place);
    tell(all.length, shown.length);
    const wanted = new Set(shown.map(({ camera }) => camera));
    for (const [camera, gone] of tiles) {
      if (wanted.has(camera)) continue;
      gone.element.remove();
      tiles.delete(camera);
    }
    for (const [at, info] of shown.entries()) {
      let own = tiles.get(info.camera);
      if (!own) tiles.set(info.camera, (own = tile(info.camera, schedule)));
      own.update(info, app.address({ view: "camera", camera: info.camera }));
      // Moving an element restarts its player, so only those out of order are moved.
      if (grid.children[at] !== own.element) grid.insertBefore(own.element, grid.children[at] ?? null);
    }
    arrange(shown);
  }

  /** @param {import("../wire/messages.js").CameraInfo[]} shown */
  function arrange(shown) {
    const columns = app.place().columns ?? settings().columns;
    const ratios = shown.map((info) => {
      const stream = info.streams.find(({ width, height }) => width > 0 && height > 0);
      const announced = stream ? stream.width / stream.height : USUAL_RATIO;
      const ratio = tiles.get(info.camera)?.player.ratio || announced;
      return Math.min(MAX_RATIO, Math.max(MIN_RATIO, ratio));
    });
    const style = getComputedStyle(main);
    const space = {
      width: main.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight),
      height: innerHeight - main.offsetTop - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom),
    };
    const found = layout(space, ratios, columns);
    placed = found.tiles;
    const seen = found.scrolls ? Math.ceil((shown.length * space.height) / found.height) : shown.length;
    // Wide windows have the grid in their middle; on a phone it begins at the top.
    const spare = space.width > 640 && shown.length > 0 ? Math.max(0, Math.floor((space.height - found.height) / 2)) : 0;
    grid.style.marginTop = `${spare}px`;
    grid.style.height = `${found.height}px`;
    for (const [at, { camera }] of shown.entries()) {
      tiles.get(camera)?.place(placed[at], tileFps(placed[at].width, seen));
    }
  }

  /**
   * Says why there is nothing to see, if so.
   * @param {number} all
   * @param {number} shown
   */
  function tell(all, shown) {
    const place = app.place();
    const status = statusWords(connection.link, performance.now());
    let next = "";
    if (shown === 0) next = all > 0 ? `none ${place.search}` : connection.directory.known ? "no cameras" : `waiting ${status}`;
    if (next === message) return;
    message = next;
    main.querySelector(".empty-wall")?.remove();
    if (next === "no cameras") main.append(noCameras(location.hostname));
    else if (next.startsWith("none")) main.append(noMatch(place.search, app.address({ site: "", search: "" })));
    else if (next) main.append(waiting(status));
  }

  function linkChanged() {
    const status = statusOf(connection.link);
    if (status !== notice.dataset.status) changedAtMs = performance.now();
    // Once there are tiles, they say it too; this says it for all of them, and for how long still.
    const brief = status === "blocked" && performance.now() - changedAtMs < NOTICE_MS;
    notice.hidden = !(status === "lost" || brief) || tiles.size === 0;
    notice.dataset.status = status;
    notice.textContent = statusWords(connection.link, performance.now());
    if (tiles.size === 0) schedule();
  }

  /** @param {number} columns */
  const choose = (columns) => () => {
    const input = top.element.querySelector(`[name=columns][value="${columns}"]`);
    if (input instanceof HTMLElement) input.click();
  };
  /** @param {KeyboardEvent} event */
  const move = (event) => {
    const links = [...grid.querySelectorAll(".tile-link")];
    const from = links.findIndex((link) => link === document.activeElement);
    const to = from < 0 ? 0 : neighbour(placed, from, event.key);
    const link = links[to];
    if (!(link instanceof HTMLElement)) return;
    link.focus();
    link.scrollIntoView({ block: "nearest" });
  };

  const endKeys = onKeys({
    "/": top.focusSearch,
    "?": () => showHelp(KEYS),
    ArrowLeft: move,
    ArrowRight: move,
    ArrowUp: move,
    ArrowDown: move,
    ...Object.fromEntries([0, 2, 3, 4, 6].map((columns) => [String(columns), choose(columns)])),
  });
  const size = new ResizeObserver(schedule);
  size.observe(main);
  addEventListener("resize", schedule);
  connection.addEventListener("cameras", schedule);
  connection.addEventListener("link", linkChanged);
  const timer = setInterval(linkChanged, 500);
  // Once in the page, sizes are known.
  queueMicrotask(() => {
    update();
    linkChanged();
  });

  return {
    element,
    title: "Sightline",
    moved: update,
    end() {
      endKeys();
      top.end();
      size.disconnect();
      cancelAnimationFrame(scheduled);
      clearInterval(timer);
      removeEventListener("resize", schedule);
      connection.removeEventListener("cameras", schedule);
      connection.removeEventListener("link", linkChanged);
    },
  };
}
