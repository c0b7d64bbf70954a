/**
 * The cameras that a relay knows, as last heard.
 *
 * @typedef {import("../wire/messages.js").CameraInfo} CameraInfo
 */
export class Directory {
  /** @type {Map<string, CameraInfo>} */
  #cameras = new Map();

  /** Whether the relay has said at least once which cameras there are. */
  known = false;

  /** @param {string} name "site/camera" */
  get(name) {
    return this.#cameras.get(name);
  }

  /** Every camera, by name. */
  all() {
    return [...this.#cameras.values()].sort((a, b) => (a.camera < b.camera ? -1 : 1));
  }

  /** @param {CameraInfo[]} cameras */
  replace(cameras) {
    this.known = true;
    this.#cameras = new Map(cameras.map((camera) => [camera.camera, camera]));
  }

  /** @param {CameraInfo} camera */
  change(camera) {
    this.#cameras.set(camera.camera, camera);
  }
}
