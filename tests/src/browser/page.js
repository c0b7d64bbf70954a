// What people see of the players on a page. Runs in the page before the page's own scripts.
(() => {
  /** Cells of the strip that carries the frame number: media/src/testcard/strip.rs. */
  const CELLS = 48;
  const STRIP_HEIGHT = 1 / 15;

  /** Pixels for each cell: its middle is not that of its neighbours, even where a video has blurred them. */
  const CELL_PX = 16;

  const row = new OffscreenCanvas(CELLS * CELL_PX, 1);
  const context = row.getContext("2d", { willReadFrequently: true });

  /** The brightness of each cell's middle, 0 to 255; null if there is no picture. */
  function cells(source, width, height) {
    context.clearRect(0, 0, row.width, 1);
    const y = Math.floor(height - (height * STRIP_HEIGHT) / 2);
    context.drawImage(source, 0, y, width, 1, 0, 0, row.width, 1);
    const { data } = context.getImageData(0, 0, row.width, 1);
    if (data[3] === 0) return null;
    return Array.from({ length: CELLS }, (_, cell) => {
      const at = (cell + 0.5) * CELL_PX * 4;
      return Math.round((data[at] + data[at + 1] + data[at + 2]) / 3);
    });
  }

  /** What lies on top of a player's picture: images, videos and canvases that have not drawn anything are seen through. */
  function top(picture) {
    for (const source of [...picture.querySelectorAll("img:not([hidden]), canvas, video")].reverse()) {
      const width = source.naturalWidth ?? source.videoWidth ?? source.width;
      const height = source.naturalHeight ?? source.videoHeight ?? source.height;
      if (width < CELLS || source.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) continue;
      if (!isOpen(source)) return { width, height, cells: null };
      const seen = cells(source, width, height);
      if (seen) return { width, height, cells: seen };
    }
    return { width: 0, height: 0, cells: null };
  }

  /** Whether a page may read the pixels: not those of another origin's images. */
  const isOpen = (source) => !(source instanceof HTMLImageElement) || new URL(source.src).origin === location.origin;

  const isVisible = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });

  /** One player, as it looks now. */
  function see(player) {
    const root = player.shadowRoot;
    const picture = root.querySelector(".picture");
    const shown = top(picture);
    const mark = root.querySelector(".mark");
    return {
      camera: player.getAttribute("camera"),
      kind: player.state?.kind ?? "",
      words: isVisible(mark) ? mark.innerText.trim() : "",
      width: shown.width,
      height: shown.height,
      cells: isVisible(picture) ? shown.cells : null,
      plain: getComputedStyle(picture).filter === "none",
    };
  }

  const players = () => [...document.querySelectorAll("sightline-player")];

  const numberOf = (seen) => {
    const bits = seen.map((value) => (value > 127 ? "1" : "0")).join("");
    return bits.startsWith("10110010") ? parseInt(bits.slice(8, 40), 2) : null;
  };

  /** Looks all the time, so that nothing is missed between two questions of the test. */
  function record(everyMs) {
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
          lost: 0,
          frozenLiveMs: 0,
          longestMs: 0,
          liveLatencyMs: 0,
          number: null,
          sinceMs: nowMs,
        });
        own.looks++;
        if (own.kinds.at(-1) !== kind) own.kinds.push(kind);
        if (number === null) own.blanks++;
        else {
          if (own.number !== null && number < own.number) own.backwards++;
          if (own.number !== null && number > own.number) own.lost += number - own.number - 1;
          if (own.number !== number) own.sinceMs = nowMs;
          own.number = number;
        }
        own.longestMs = Math.max(own.longestMs, nowMs - own.sinceMs);
        const looksLive = kind === "live" || plain;
        if (looksLive) own.frozenLiveMs = Math.max(own.frozenLiveMs, nowMs - own.sinceMs);
        if (kind === "live") own.liveLatencyMs = Math.max(own.liveLatencyMs, player.stats.latencyMs ?? 0);
      }
    };
    look();
    setInterval(look, everyMs);
    // A page in the background has its timers a second apart, and may be live again before the next one.
    document.addEventListener("visibilitychange", look);
    return all;
  }

  let recorded = null;
  globalThis.sightlineTest = {
    players: () => players().map(see),
    record: (everyMs) => void (recorded = record(everyMs)),
    recorded: () => recorded,
  };
})();
