/** Which cameras the wall shows. Pure. */

/** @typedef {import("../wire/messages.js").CameraInfo} CameraInfo */

/** @param {string} name "site/camera" */
export const siteOf = (name) => name.slice(0, name.indexOf("/"));

/**
 * The sites, by name.
 * @param {CameraInfo[]} cameras
 */
export function sitesOf(cameras) {
  return [...new Set(cameras.map(({ camera }) => siteOf(camera)))].sort();
}

/**
 * @param {CameraInfo[]} cameras
 * @param {{site: string, search: string}} wanted every word of `search` is in a camera's name or title
 */
export function matching(cameras, { site, search }) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return cameras.filter(({ camera, title }) => {
    if (site && siteOf(camera) !== site) return false;
    const text = `${camera} ${title}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
