// What the players of a page say of themselves, and whether their tiles can be seen.
[...document.querySelectorAll("sightline-player")].map((player) => {
  const { top, bottom } = player.getBoundingClientRect();
  const { route, received, shown, dropped } = player.stats;
  return {
    camera: player.getAttribute("camera"),
    seen: !document.hidden && bottom > 0 && top < innerHeight,
    live: player.state.kind === "live",
    route,
    received: received ?? 0,
    shown: shown ?? 0,
    dropped,
  };
});
