/** Makes elements. Text is always text: nothing here parses HTML. */

/**
 * @typedef {Record<string, string | number | boolean | undefined | ((event: any) => void)>} Props
 *   attributes; `onclick` and the like are listeners; false and undefined are left out
 */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props} [props]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * A button with an icon, named for screen readers and by a tooltip.
 * @param {string} name
 * @param {Node} icon
 * @param {(event: MouseEvent) => void} onclick
 * @param {Props} [props]
 */
export function iconButton(name, icon, onclick, props = {}) {
  return h("button", { type: "button", class: "icon-button", title: name, "aria-label": name, onclick, ...props }, icon);
}
