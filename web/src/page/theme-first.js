// Runs before the page is drawn, so that a chosen theme does not flash. A classic script: modules wait.
(() => {
  try {
    const { theme } = JSON.parse(localStorage.getItem("sightline") ?? "{}");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch {
    // No storage: the theme follows the system.
  }
})();
