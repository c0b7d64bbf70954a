/** Addresses of a camera's pictures by HTTP, and what the routes over HTTP share. */

/**
 * @param {{base: string, camera: string}} source
 * @param {string} what "stream.mjpeg", "snapshot.jpg"
 * @param {Record<string, string>} [parameters]
 */
export function pictureUrl({ base, camera, }, what, parameters = {}) {
  const url = new URL(`api/cameras/${camera}/${what}`, base);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/**
 * The relay's newest picture.
 * @param {{base: string, camera: string}} source
 * @returns {Promise<Blob>}
 */
export async function fetchSnapshot(source) {
  const answer = await fetch(pictureUrl(source, "snapshot.jpg"), { cache: "no-store" });
  if (!answer.ok) throw new Error("the relay has no picture");
  return answer.blob();
}

/**
 * Draws `image` so that it stays when its source ends.
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLImageElement} image
 */
export function keep(canvas, image) {
  const { naturalWidth: width, naturalHeight: height } = image;
  if (width === 0 || height === 0) return;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  canvas.getContext("2d")?.drawImage(image, 0, 0);
}

/** A box with a canvas for the last picture and, over it, `image`. @param {HTMLElement[]} parts */
export function stack(...parts) {
  const box = document.createElement("div");
  box.className = "stack";
  box.append(...parts);
  return box;
}
