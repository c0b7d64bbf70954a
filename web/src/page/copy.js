/** Text with a button that copies it. */
import { h } from "../dom.js";
import { icon } from "../icons.js";

const CONFIRMED_MS = 1_500;

/**
 * @param {string} text
 */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Pages on plain http have no clipboard but this one.
  const field = h("textarea", { class: "unseen" });
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("the browser does not let this page copy");
}

/**
 * @param {string} text
 * @param {string} name what it is, for screen readers
 */
export function copyable(text, name) {
  const code = h("code", { tabindex: "0" }, text);
  const button = h("button", { type: "button", class: "copy", "aria-label": `Copy ${name}`, title: "Copy" }, icon("copy"));
  const said = h("span", { class: "unseen", role: "status" });
  button.onclick = async () => {
    try {
      await copy(text);
      button.replaceChildren(icon("done"));
      said.textContent = "Copied";
    } catch {
      getSelection()?.selectAllChildren(code);
      said.textContent = "Selected: copy it with the keyboard";
    }
    setTimeout(() => {
      button.replaceChildren(icon("copy"));
      said.textContent = "";
    }, CONFIRMED_MS);
  };
  return h("div", { class: "copyable" }, code, button, said);
}
