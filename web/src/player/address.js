/** Which camera of which relay a player shows. Pure. */

const TOKEN = "[a-z0-9_-]{1,64}";
const CAMERA = new RegExp(`^${TOKEN}/${TOKEN}$`);
const WATCH = new RegExp(`(?:watch|api/cameras)/(${TOKEN}/${TOKEN})(?:/.*)?$`);

/** @typedef {{base: string, camera: string} | {problem: string}} Address `base` ends in a slash */

/**
 * @param {string | null} src the relay's address, or the address of one of its cameras; null: `home`
 * @param {string | null} camera "site/camera"; null: the one that `src` names
 * @param {string} home where the player's own code comes from: the relay that serves it
 * @param {string} page the page's address, which `src` may be relative to
 * @returns {Address}
 */
export function address(src, camera, home, page) {
  let url;
  try {
    url = src === null || src === "" ? new URL("/", home) : new URL(src, page);
  } catch {
    return { problem: `src "${src}" is not an address` };
  }
  if (!/^https?:$/.test(url.protocol)) return { problem: `src "${src}" is not an http address` };
  const found = WATCH.exec(url.pathname);
  const path = found ? url.pathname.slice(0, found.index) : url.pathname;
  const base = url.origin + (path.endsWith("/") ? path : `${path}/`);
  const name = camera ?? found?.[1];
  if (!name) return { problem: "no camera named" };
  if (!CAMERA.test(name)) return { problem: `"${name}" is not a camera: use site/camera` };
  return { base, camera: name };
}
