/** What the page's address says. Pure. */
import { COLUMNS } from "./settings.js";

const CAMERA = /^\/watch\/([a-z0-9_-]{1,64}\/[a-z0-9_-]{1,64})\/?$/;

/**
 * @typedef {object} Place
 * @property {"wall" | "camera" | "nowhere"} view
 * @property {string} camera "site/camera"; empty unless that is the view
 * @property {string} site only cameras of this site; empty: all
 * @property {string} search only cameras with these words
 * @property {number | null} columns 0: automatic; null: as this browser remembers
 * @property {import("../routes/choose.js").Quality} quality of one camera
 * @property {boolean} kiosk nothing but pictures
 */

/**
 * @param {{pathname: string, search: string}} url
 * @returns {Place}
 */
export function parsePlace({ pathname, search }) {
  const found = CAMERA.exec(pathname);
  const query = new URLSearchParams(search);
  const columns = query.get("columns");
  const quality = query.get("quality");
  return {
    view: found ? "camera" : pathname === "/" ? "wall" : "nowhere",
    camera: found?.[1] ?? "",
    site: query.get("site") ?? "",
    search: query.get("q") ?? "",
    columns: columns !== null && COLUMNS.includes(Number(columns)) ? Number(columns) : null,
    quality: quality === "high" || quality === "low" ? quality : "auto",
    kiosk: query.has("kiosk") && query.get("kiosk") !== "0",
  };
}

/**
 * The address of a place; of `from` with `changes`.
 * @param {Place} from
 * @param {Partial<Place>} [changes]
 */
export function addressOf(from, changes = {}) {
  const place = { ...from, ...changes };
  const query = new URLSearchParams();
  if (place.site) query.set("site", place.site);
  if (place.search) query.set("q", place.search);
  if (place.columns !== null) query.set("columns", String(place.columns));
  if (place.view === "camera" && place.quality !== "auto") query.set("quality", place.quality);
  if (place.kiosk) query.set("kiosk", "");
  const text = query.toString().replace(/=(?=&|$)/g, "").replaceAll("%2F", "/");
  const path = place.view === "camera" ? `/watch/${place.camera}` : "/";
  return text ? `${path}?${text}` : path;
}
