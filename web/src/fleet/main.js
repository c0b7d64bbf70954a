/** `/status`: the fleet, asked for every second while somebody looks. */
import { h } from "../dom.js";
import { duration } from "../words.js";
import { cameraRow, figures, inOrder, relayRow, siteRow } from "./rows.js";
import { table } from "./table.js";

/** @typedef {import("./rows.js").Status} Status */

const EVERY_MS = 1_000;
/** An answer that takes longer is given up. */
const PATIENCE_MS = 5_000;
/** What is shown is said to be old after this. */
const LATE_MS = 3_000;

const list = h("ul", { class: "figures" });
const heard = h("p", { class: "heard", role: "status" }, "connecting");
const relays = table(
  "Relays",
  [{ label: "Relay" }, { label: "State" }, { label: "Viewers", number: true }, { label: "Connections", number: true }, { label: "Streams", number: true }, { label: "Not shown", number: true }, { label: "Version" }],
  "No relay has said how it is.",
);
const sites = table("Sites", [{ label: "Site" }, { label: "Cameras" }, { label: "Viewers", number: true }, { label: "Rate", number: true }], "No camera has announced itself.");
const cameras = table(
  "Cameras",
  [{ label: "Camera" }, { label: "State" }, { label: "Sends" }, { label: "Age", number: true }, { label: "Viewers", number: true }, { label: "Not sent or shown", number: true }, { label: "Publisher" }],
  "No camera has announced itself.",
);
document.body.prepend(
  h(
    "main",
    { class: "fleet" },
    h("header", {}, h("a", { href: "/", "aria-label": "Sightline, all cameras" }, h("img", { src: "/static/icon.svg", alt: "", width: 28, height: 28 }), h("span", {}, "Sightline")), h("h1", {}, "Fleet"), heard),
    list,
    relays.element,
    sites.element,
    cameras.element,
  ),
);

let answeredAt = performance.now();

/** @param {Status} status */
function show(status) {
  const nowMs = status.time_us / 1000;
  list.replaceChildren(...figures(status).map(({ text, words, bad }) => h("li", { class: bad && "bad" }, h("b", {}, text), words)));
  relays.show([...status.relays].sort((a, b) => (a.name < b.name ? -1 : 1)).map((relay) => [relay.instance, relayRow(relay, nowMs)]));
  sites.show(Object.entries(status.sites).map(([name, site]) => [name, siteRow(name, site)]));
  cameras.show(inOrder(status.cameras).map((camera) => [camera.name, cameraRow(camera, nowMs)]));
}

async function ask() {
  try {
    const response = await fetch("/api/status", { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    show(await response.json());
    answeredAt = performance.now();
  } catch {
    // Said below, once it lasts.
  }
  const silentMs = performance.now() - answeredAt;
  const late = silentMs > LATE_MS;
  heard.dataset.late = String(late);
  const words = late ? `no answer for ${duration(silentMs)}` : "now";
  if (heard.textContent !== words) heard.textContent = words;
}

async function follow() {
  for (;;) {
    if (document.visibilityState === "visible") await ask();
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") ask();
});
follow();
