/** Picture in picture: a video, or the canvas as one, that floats over other windows. */

/** Whether this browser can. */
export function canPictureInPicture() {
  return document.pictureInPictureEnabled === true && "captureStream" in HTMLCanvasElement.prototype;
}

/** @type {HTMLVideoElement | null} */
let floating = null;

/**
 * Floats what `element` shows, or ends it if it floats already. `closed` is called when it ends.
 * Rejects with words. Must be called from a click.
 * @param {HTMLElement | null} element
 * @param {() => void} closed
 */
export async function pictureInPicture(element, closed) {
  if (document.pictureInPictureElement) {
    await document.exitPictureInPicture();
    return;
  }
  const playing = element?.querySelector("video");
  if (playing) {
    playing.addEventListener("leavepictureinpicture", closed, { once: true });
    try {
      return void (await playing.requestPictureInPicture());
    } catch (error) {
      playing.removeEventListener("leavepictureinpicture", closed);
      throw error;
    }
  }
  if (!(element instanceof HTMLCanvasElement)) throw new Error("this picture cannot float: WebSockets do not get through");
  const video = document.createElement("video");
  video.muted = true;
  video.srcObject = element.captureStream();
  floating = video;
  const ended = () => {
    for (const track of /** @type {MediaStream} */ (video.srcObject).getTracks()) track.stop();
    video.srcObject = null;
    if (floating === video) floating = null;
    closed();
  };
  video.addEventListener("leavepictureinpicture", ended, { once: true });
  try {
    await Promise.all([video.play(), loaded(video)]);
    await video.requestPictureInPicture();
  } catch (error) {
    ended();
    throw error;
  }
}

/** @param {HTMLVideoElement} video */
function loaded(video) {
  return new Promise((done) => {
    if (video.readyState >= video.HAVE_METADATA) done(null);
    else video.addEventListener("loadedmetadata", done, { once: true });
  });
}
