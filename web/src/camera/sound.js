/** The button for the sound, and how loud it is. */
import { h, iconButton } from "../dom.js";
import { icon } from "../icons.js";

/**
 * Hidden while the camera has no sound that can be heard here.
 * @param {import("../player/element.js").SightlinePlayer} player
 * @param {() => void} used
 */
export function soundControl(player, used) {
  const button = iconButton("Sound on", icon("muted"), toggle, { "aria-pressed": "false" });
  const volume = h("input", {
    type: "range",
    min: 0,
    max: 1,
    step: 0.05,
    "aria-label": "Volume",
    class: "volume",
    oninput: () => {
      player.volume = Number(volume.value);
      used();
    },
  });
  // Arrow keys belong to the slider while it has the focus.
  volume.addEventListener("keydown", (event) => event.key.startsWith("Arrow") && event.stopPropagation());
  const element = h("div", { class: "sound", hidden: true }, button, volume);

  function toggle() {
    if (!player.audible) return;
    player.muted = !player.muted;
    used();
  }
  function update() {
    element.hidden = !player.audible;
    volume.hidden = player.muted;
    volume.value = String(player.volume);
    button.replaceChildren(icon(player.muted ? "muted" : "sound"));
    button.title = player.muted ? "Sound on" : "Sound off";
    button.setAttribute("aria-label", button.title);
    button.setAttribute("aria-pressed", String(!player.muted));
  }
  player.addEventListener("volumechange", update);
  update();
  return { element, toggle };
}
