/**
 * What this browser remembers of its reader's choices. Works without storage, for as long as the page.
 *
 * @typedef {"system" | "dark" | "light"} Theme
 * @typedef {{theme: Theme, columns: number}} Settings `columns` 0: automatic
 */

const KEY = "sightline";
/** What may be chosen for columns; 0 is automatic. */
export const COLUMNS = [0, 2, 3, 4, 6];

/**
 * Settings from what was stored, whatever it is.
 * @param {string | null} stored
 * @returns {Settings}
 */
export function parseSettings(stored) {
  /** @type {Record<string, unknown>} */
  let found = {};
  try {
    found = Object(JSON.parse(stored ?? "{}"));
  } catch {
    // Not ours, or damaged: defaults.
  }
  const theme = found.theme === "dark" || found.theme === "light" ? found.theme : "system";
  const columns = Number(found.columns);
  return { theme, columns: COLUMNS.includes(columns) ? columns : 0 };
}

function load() {
  try {
    return parseSettings(localStorage.getItem(KEY));
  } catch {
    return parseSettings(null);
  }
}

/** @type {Settings | undefined} */
let current;

/** @returns {Settings} */
export function settings() {
  return (current ??= load());
}

/** @param {Partial<Settings>} changes */
export function change(changes) {
  current = { ...settings(), ...changes };
  try {
    localStorage.setItem(KEY, JSON.stringify(current));
  } catch {
    // It holds until the page is closed.
  }
}

/** Applies the chosen theme to the page. */
export function applyTheme() {
  const { theme } = settings();
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
