/** The relay's page: the wall at `/`, one camera at `/watch/{site}/{camera}`. */
import "./player.js";
import { cameraView } from "./camera/camera.js";
import { connectionTo } from "./connection/shared.js";
import { h } from "./dom.js";
import { addressOf, parsePlace } from "./page/location.js";
import { startKiosk } from "./page/kiosk.js";
import { applyTheme } from "./page/settings.js";
import { wall } from "./wall/wall.js";

/** @typedef {import("./page/app.js").View} View */

const connection = connectionTo(new URL("/", location.href).href);
// The page follows the cameras as long as it is open.
connection.follow();

let place = parsePlace(location);
/** @type {View | null} */
let view = null;
/** @type {(() => void) | null} */
let endKiosk = null;

/** @type {import("./page/app.js").App} */
const app = {
  connection,
  place: () => place,
  address: (changes) => addressOf(place, changes),
  go: (changes) => goTo(addressOf(place, changes)),
  adjust(changes) {
    history.replaceState(history.state, "", addressOf(place, changes));
    show();
  },
};

/** @param {string} address */
function goTo(address) {
  // The way back leads to the same part of the wall.
  history.replaceState({ scrollY }, "");
  history.pushState(null, "", address);
  show();
}

/** Shows what the address says. */
function show() {
  const before = place;
  place = parsePlace(location);
  if (place.kiosk !== (endKiosk !== null)) {
    endKiosk?.();
    endKiosk = place.kiosk ? startKiosk() : null;
  }
  if (view && place.view === before.view && place.camera === before.camera) {
    view.moved(place);
    return;
  }
  view?.end();
  view = place.view === "camera" ? cameraView(app) : place.view === "wall" ? wall(app) : nowhere();
  document.body.dataset.view = place.view;
  document.title = view.title;
  document.querySelector(".view")?.remove();
  view.element.classList.add("view");
  document.body.prepend(view.element);
  requestAnimationFrame(() => {
    scrollTo(0, history.state?.scrollY ?? 0);
    // Back from a camera, the keyboard is where it was.
    if (place.view === "wall" && before.camera) {
      const link = document.querySelector(`.tile-link[data-camera="${before.camera}"]`);
      if (link instanceof HTMLElement) link.focus({ preventScroll: true });
    }
  });
}

/** @returns {View} */
function nowhere() {
  return {
    element: h(
      "main",
      { class: "empty-wall centred" },
      h("h1", {}, "There is nothing here"),
      h("p", {}, h("a", { class: "button", href: "/" }, "Show all cameras")),
    ),
    title: "Sightline",
    moved() {},
    end() {},
  };
}

// Links within the page change the view without loading it anew; others, and new tabs, are the browser's.
document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const link = event.composedPath().find((each) => each instanceof HTMLAnchorElement);
  if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || parsePlace(url).view === "nowhere") return;
  event.preventDefault();
  if (url.href !== location.href) goTo(url.pathname + url.search);
});

history.scrollRestoration = "manual";
addEventListener("popstate", show);
applyTheme();
show();
