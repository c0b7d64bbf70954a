/** The row above the wall: name, sites, search, layout, theme, connection. */
import { h, iconButton } from "../dom.js";
import { icon } from "../icons.js";
import { statusOf, statusWords } from "../connection/status.js";
import { sitesOf } from "../wall/filter.js";
import { applyTheme, change, COLUMNS, settings } from "./settings.js";

/** @typedef {import("./app.js").App} App */

const THEMES = /** @type {const} */ (["system", "light", "dark"]);
const THEME_ICONS = { system: "system", light: "sun", dark: "moon" };

/** @param {App} app */
export function header(app) {
  const chips = h("nav", { class: "chips", "aria-label": "Sites" });
  const search = searchField(app);
  const columns = columnsChoice(app);
  const dot = connectionDot(app);
  const element = h(
    "header",
    { class: "header" },
    h("a", { class: "brand", href: "/", "aria-label": "Sightline, all cameras" }, brandMark(), h("span", {}, "Sightline")),
    chips,
    search.element,
    columns.element,
    themeButton(),
    dot.element,
  );

  let sites = "";
  function update() {
    const place = app.place();
    search.update(place.search);
    columns.update();
    const names = sitesOf(app.connection.directory.all());
    const key = `${names.join()} ${app.address({ view: "wall" })}`;
    if (key === sites) return;
    sites = key;
    chips.hidden = names.length < 2 && !place.site;
    const chip = (/** @type {string} */ site, /** @type {string} */ words) =>
      h("a", { class: "chip", href: app.address({ site }), "aria-current": place.site === site ? "true" : undefined }, words);
    chips.replaceChildren(chip("", "All"), ...names.map((site) => chip(site, site)));
  }

  return { element, update, focusSearch: search.focus, end: dot.end };
}

function brandMark() {
  const image = h("img", { src: "/static/icon.svg", alt: "", width: 28, height: 28 });
  return image;
}

/** @param {App} app */
function searchField(app) {
  const input = h("input", {
    type: "search",
    placeholder: "Search",
    "aria-label": "Search cameras",
    "aria-keyshortcuts": "/",
    autocomplete: "off",
    spellcheck: "false",
    oninput: () => app.adjust({ search: input.value }),
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape") return;
      input.value = "";
      app.adjust({ search: "" });
      input.blur();
    },
  });
  return {
    element: h("label", { class: "search" }, icon("search"), input, h("kbd", { "aria-hidden": "true" }, "/")),
    focus: () => input.select(),
    /** @param {string} value */
    update(value) {
      if (input.value !== value) input.value = value;
    },
  };
}

/** @param {App} app */
function columnsChoice(app) {
  const options = COLUMNS.map((columns) => {
    const input = h("input", {
      type: "radio",
      name: "columns",
      value: columns,
      onchange: () => {
        change({ columns });
        app.adjust({ columns: columns || null });
      },
    });
    const words = columns === 0 ? "Automatic layout" : `${columns} columns`;
    return { columns, input, label: h("label", { title: words, "data-columns": columns }, input, h("span", { "aria-hidden": "true" }, columns === 0 ? "Auto" : String(columns)), h("span", { class: "unseen" }, words)) };
  });
  const element = h("fieldset", { class: "segments" }, h("legend", { class: "unseen" }, "Columns"), ...options.map(({ label }) => label));
  return {
    element,
    update() {
      const chosen = app.place().columns ?? settings().columns;
      for (const { columns, input } of options) input.checked = columns === chosen;
    },
  };
}

function themeButton() {
  const button = iconButton("Theme", icon("system"), () => {
    const next = THEMES[(THEMES.indexOf(settings().theme) + 1) % THEMES.length];
    change({ theme: next });
    applyTheme();
    update();
  });
  function update() {
    const { theme } = settings();
    const words = theme === "system" ? "Theme: as the system" : `Theme: ${theme}`;
    button.replaceChildren(icon(THEME_ICONS[theme]));
    button.title = words;
    button.setAttribute("aria-label", words);
  }
  update();
  return button;
}

/** It leads to the page that shows all relays and cameras. @param {App} app */
function connectionDot({ connection }) {
  const words = h("span", {});
  const spoken = h("span", { class: "unseen", role: "status" });
  const fleet = h("a", { class: "connection", href: "/status", "aria-label": "Status of all relays and cameras" }, h("span", { class: "dot" }), h("span", { class: "connection-words" }, words, h("small", {}, "Open the status of the fleet")));
  const element = h("div", {}, fleet, spoken);
  let before = "";
  const update = () => {
    const status = statusOf(connection.link);
    words.textContent = statusWords(connection.link, performance.now());
    if (status === before) return;
    // The first connection is no news.
    if (before !== "" && status !== "connecting") spoken.textContent = words.textContent;
    before = status;
    fleet.dataset.status = status;
  };
  update();
  const timer = setInterval(update, 500);
  connection.addEventListener("link", update);
  const end = () => {
    clearInterval(timer);
    connection.removeEventListener("link", update);
  };
  return { element, end };
}
