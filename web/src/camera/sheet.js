/** The side sheet "Use it elsewhere". */
import { h, iconButton } from "../dom.js";
import { icon } from "../icons.js";
import { copyable } from "../page/copy.js";
import { isThisMachine, uses } from "./uses.js";

/**
 * @param {string} camera "site/camera"
 * @param {() => void} closed
 */
export function sheet(camera, closed) {
  const close = iconButton("Close", icon("close"), closed);
  const body = h("div", { class: "sheet-body" });
  if (isThisMachine(location.hostname)) {
    body.append(h("p", { class: "hint" }, `${location.hostname} works on this machine only. Elsewhere, use the relay's name or address in the network.`));
  }
  for (const { title, how, texts } of uses(location.origin, camera)) {
    const section = h("section", {}, h("h3", {}, title), h("p", {}, how));
    for (const { label, text } of texts) {
      if (label) section.append(h("div", { class: "label" }, label));
      section.append(copyable(text, `${title} ${label}`.trim()));
    }
    body.append(section);
  }
  const element = h(
    "aside",
    { class: "sheet", "aria-label": "Use it elsewhere" },
    h("header", {}, h("h2", {}, "Use it elsewhere"), close),
    body,
  );
  return { element, focus: () => close.focus() };
}
