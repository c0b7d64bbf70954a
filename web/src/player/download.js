/** Saves pictures. */

/**
 * "farm-gate-2026-11-23T14-03-22.jpg", by this machine's clock.
 * @param {string} camera "site/camera"
 * @param {Date} at
 */
export function snapshotName(camera, at) {
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  const time = local.toISOString().slice(0, 19).replaceAll(":", "-");
  return `${camera.replace("/", "-")}-${time}.jpg`;
}

/**
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken hold of it by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
