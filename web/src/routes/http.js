/** What the routes over HTTP share: addresses, and what the relay says in headers and errors. */

/**
 * @param {{base: string, camera: string}} source
 * @param {string} what "stream.mjpeg", "snapshot.jpg"
 * @param {Record<string, string>} [parameters]
 */
export function pictureUrl({ base, camera }, what, parameters = {}) {
  const url = new URL(`api/cameras/${camera}/${what}`, base);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/**
 * What the headers of a picture say. Pure.
 * @param {(name: string) => string | null | undefined} header by its name in lower case
 */
export function pictureTimes(header) {
  const seconds = Number(header("x-timestamp"));
  const captureTimeUs = Number.isFinite(seconds) ? Math.round(seconds * 1e6) : 0;
  return { captureTimeUs, arrivalTimeUs: 0, stale: Boolean(header("x-sightline-stale")) };
}

/**
 * Why the relay gives no picture.
 * @param {Response} answer not ok
 * @returns {Promise<{code: string, message: string}>}
 */
export async function refusal(answer) {
  const other = { code: `http_${answer.status}`, message: `the relay answers with status ${answer.status}` };
  try {
    const { code, message } = Object((await answer.json()).error);
    return typeof code === "string" && typeof message === "string" ? { code, message } : other;
  } catch {
    return other;
  }
}

/** Answers that pass, while the camera's own state says more. */
export const PASSING = ["camera_offline", "no_picture", "draining"];

/**
 * Waits; at once when `signal` is aborted.
 * @param {number} ms
 * @param {AbortSignal} signal
 */
export function pause(ms, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      done(undefined);
    });
  });
}
