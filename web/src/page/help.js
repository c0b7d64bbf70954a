/** The keys, in a dialog. */
import { h, iconButton } from "../dom.js";
import { icon } from "../icons.js";

/**
 * @param {[keys: string, what: string][]} keys several for one thing with a space between them
 */
export function showHelp(keys) {
  const list = h("dl", { class: "keys" });
  for (const [names, what] of keys) {
    const marks = names.split(" ").map((name) => h("kbd", {}, name));
    list.append(h("dt", {}, ...marks), h("dd", {}, what));
  }
  const dialog = h("dialog", { class: "help", "aria-label": "Keys" });
  dialog.append(
    h("header", {}, h("h2", {}, "Keys"), iconButton("Close", icon("close"), () => dialog.close())),
    list,
  );
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  dialog.onclose = () => dialog.remove();
  (document.fullscreenElement ?? document.body).append(dialog);
  dialog.showModal();
}
