// What people see of the players on a page. Runs in the page before the page's own scripts.
(() => {
  /** Cells of the strip that carries the frame number: media/src/testcard/strip.rs. */
  const CELLS = 48;
  const STRIP_HEIGHT = 1 / 15;
  const LOOK_EVERY_MS = 50;

  const row = new OffscreenCanvas(1, 1);
  const context = row.getContext("2d", { willReadFrequently: true });

  /** The brightness of each cell's middle, 0 to 255; null if there is no picture. */
  function cells(source, width, height) {
    if (width < CELLS) return null;
    if (row.width !== width) row.width = width;
    context.clearRect(0, 0, width, 1);
    const y = Math.floor(height - (height * STRIP_HEIGHT) / 2);
    context.drawImage(source, 0, y, width, 1, 0, 0, width, 1);
    const { data } = context.getImageData(0, 0, width, 1);
    return Array.from({ length: CELLS }, (_, cell) => {
      const at = Math.floor(((cell + 0.5) * width) / CELLS) * 4;
      return Math.round((data[at] + data[at + 1] + data[at + 2]) / 3);
    });
  }

  /** Whether a page may read the pixels: not those of another origin's images. */
  const isOpen = (source) => !(source instanceof HTMLImageElement) || new URL(source.src).origin === location.origin;

  const isVisible = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });

  /** One player, as it looks now. */
  function see(player) {
    const root = player.shadowRoot;
    const picture = root.querySelector(".picture");
    // An image lies over the canvas with the last picture, if the route has one.
    const source = picture.querySelector("img:not([hidden])") ?? picture.querySelector("canvas");
    const width = source?.naturalWidth ?? source?.width ?? 0;
    const height = source?.naturalHeight ?? source?.height ?? 0;
    const mark = root.querySelector(".mark");
    return {
      camera: player.getAttribute("camera"),
      kind: player.state?.kind ?? "",
      words: isVisible(mark) ? mark.innerText.trim() : "",
      width,
      height,
      cells: source && isOpen(source) && isVisible(picture) ? cells(source, width, height) : null,
      plain: getComputedStyle(picture).filter === "none",
    };
  }

  const players = () => [...document.querySelectorAll("sightline-player")];

  const numberOf = (seen) => {
    const bits = seen.map((value) => (value > 127 ? "1" : "0")).join("");
    return bits.startsWith("10110010") ? parseInt(bits.slice(8, 40), 2) : null;
  };

  /** Looks all the time, so that nothing is missed between two questions of the test. */
  function record() {
    /** By camera. */
    const all = {};
    const look = () => {
      const nowMs = performance.now();
      for (const player of players()) {
        const { camera, kind, cells, plain } = see(player);
        const number = cells && numberOf(cells);
        const own = (all[camera] ??= {
          kinds: [],
          blanks: 0,
          looks: 0,
          backwards: 0,
          frozenLiveMs: 0,
          liveLatencyMs: 0,
          number: null,
          sinceMs: nowMs,
        });
        own.looks++;
        if (own.kinds.at(-1) !== kind) own.kinds.push(kind);
        if (number === null) own.blanks++;
        else {
          if (own.number !== null && number < own.number) own.backwards++;
          if (own.number !== number) own.sinceMs = nowMs;
          own.number = number;
        }
        const looksLive = kind === "live" || plain;
        if (looksLive) own.frozenLiveMs = Math.max(own.frozenLiveMs, nowMs - own.sinceMs);
        if (kind === "live") own.liveLatencyMs = Math.max(own.liveLatencyMs, player.stats.latencyMs ?? 0);
      }
    };
    setInterval(look, LOOK_EVERY_MS);
    return all;
  }

  let recorded = null;
  globalThis.sightlineTest = {
    players: () => players().map(see),
    record: () => void (recorded = record()),
    recorded: () => recorded,
  };
})();
