/** Which of a camera's streams is watched, where it offers a small one. */
import { h } from "../dom.js";

/** @typedef {import("../routes/choose.js").Quality} Quality */

/** @type {[Quality, string][]} */
const CHOICES = [
  ["auto", "Auto"],
  ["high", "High"],
  ["low", "Low"],
];

/**
 * @param {import("../player/element.js").SightlinePlayer} player
 * @param {Quality} quality at first
 * @param {(quality: Quality) => void} chosen
 */
export function qualityControl(player, quality, chosen) {
  const select = h(
    "select",
    {
      class: "quality",
      title: "Quality",
      "aria-label": "Quality",
      onchange: () => {
        const to = /** @type {Quality} */ (select.value);
        player.setAttribute("quality", to);
        chosen(to);
      },
    },
    ...CHOICES.map(([value, words]) => h("option", { value, selected: value === quality }, words)),
  );
  player.setAttribute("quality", quality);
  const element = h("div", { class: "quality-choice", hidden: true }, select);
  return {
    element,
    /** @param {import("../wire/messages.js").CameraInfo | undefined} info */
    update(info) {
      element.hidden = !info?.streams.some(({ name }) => name === "sub");
    },
  };
}
