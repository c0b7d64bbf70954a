/** What the wall says when it has no camera to show. */
import { h } from "../dom.js";
import { copyable } from "../page/copy.js";

/**
 * How to add the first camera.
 * @param {string} host that the relay was reached at
 */
export function noCameras(host) {
  const publisher = `sightline-publisher --nats nats://${host}:4222 --site home`;
  return h(
    "section",
    { class: "empty-wall" },
    h("h1", {}, "No cameras yet"),
    h("p", {}, "A publisher beside the camera brings it here. On the machine with the camera, run one of these:"),
    h("h2", {}, "A USB camera"),
    copyable(`${publisher} --camera front=v4l2:///dev/video0`, "the command for a USB camera"),
    h("h2", {}, "An IP camera"),
    copyable(`${publisher} --camera gate=http://user:password@192.168.1.20/video.mjpg`, "the command for an IP camera"),
    h("h2", {}, "A test picture"),
    copyable(`${publisher} --camera test=test://`, "the command for a test picture"),
    h("p", { class: "quiet" }, "Cameras appear here by themselves as soon as they are announced."),
  );
}

/**
 * @param {string} words that were searched for, if any
 * @param {string} everything the address of the wall without a filter
 */
export function noMatch(words, everything) {
  return h(
    "section",
    { class: "empty-wall centred" },
    h("h1", {}, words ? `No camera matches “${words}”` : "No camera at this site"),
    h("p", {}, h("a", { class: "button", href: everything }, "Show all cameras")),
  );
}

/** The relay has not said yet which cameras there are. @param {string} words */
export function waiting(words) {
  return h("section", { class: "empty-wall centred", role: "status" }, h("div", { class: "waiting" }), h("p", {}, words));
}
