import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

/** The pages, and the module that each of them starts. */
const PAGES = { "index.html": "src/main.js", "status.html": "src/fleet/main.js" };
const root = new URL("..", import.meta.url);

/** Every module that `url` needs, itself included. @param {URL} url @param {Set<string>} seen */
function graph(url, seen = new Set()) {
  if (seen.has(url.href)) return seen;
  seen.add(url.href);
  const code = readFileSync(url, "utf8");
  for (const [, from] of code.matchAll(/^(?:import|export)\s[^;]*?"(\.[^"]+)";/gm)) graph(new URL(from, url), seen);
  return seen;
}

test("a page names every module that it needs, so that browsers fetch them at once", () => {
  for (const [page, start] of Object.entries(PAGES)) {
    const main = new URL(start, root);
    const html = readFileSync(new URL(page, root), "utf8");
    const named = [...html.matchAll(/rel="modulepreload" href="\/static\/([^"]+)"/g)].map(([, path]) => path);
    const needed = [...graph(main)].filter((href) => href !== main.href).map((href) => href.slice(root.href.length));
    assert.deepEqual(named, needed.sort(), page);
  }
});

test("a page has no inline script or style, and names nothing of another origin", () => {
  for (const page of Object.keys(PAGES)) {
    const html = readFileSync(new URL(page, root), "utf8");
    assert.doesNotMatch(html, /<style|<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|(?:src|href)="(?!\/)/);
  }
});
