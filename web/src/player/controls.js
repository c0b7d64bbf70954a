/** The buttons of an embedded player: sound, snapshot, picture in picture, full screen. */
import { h, iconButton } from "../dom.js";
import { icon } from "../icons.js";
import { canPictureInPicture } from "./pip.js";

/**
 * @param {object} player
 * @param {() => string} player.title
 * @param {() => void} player.toggleSound
 * @param {() => Promise<void>} player.saveSnapshot
 * @param {() => Promise<void>} player.togglePictureInPicture
 * @param {() => Promise<void>} player.toggleFullscreen
 */
export function controlBar({ title, toggleSound, saveSnapshot, togglePictureInPicture, toggleFullscreen }) {
  const name = h("span", { class: "title" }, title());
  /** @param {() => Promise<void>} act */
  const run = (act) => async () => {
    name.textContent = title();
    try {
      await act();
    } catch (error) {
      name.textContent = error instanceof Error ? error.message : String(error);
    }
  };
  const sound = iconButton("Sound on", icon("muted"), toggleSound, { hidden: true });
  const bar = h(
    "div",
    { class: "controls", part: "controls" },
    name,
    sound,
    iconButton("Snapshot", icon("snapshot"), run(saveSnapshot)),
  );
  if (canPictureInPicture()) bar.append(iconButton("Picture in picture", icon("pip"), run(togglePictureInPicture)));
  if (document.fullscreenEnabled) bar.append(iconButton("Full screen", icon("fullscreen"), run(toggleFullscreen)));
  bar.addEventListener("pointerenter", () => (name.textContent = title()));
  return {
    element: bar,
    /** @param {{on: boolean, offered: boolean}} heard */
    setSound({ on, offered }) {
      sound.hidden = !offered;
      sound.title = on ? "Sound off" : "Sound on";
      sound.setAttribute("aria-label", sound.title);
      sound.replaceChildren(icon(on ? "sound" : "muted"));
    },
  };
}
