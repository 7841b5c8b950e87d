// Sets light or dark before the first paint, from what was chosen earlier or from the system.
(function () {
  "use strict";
  var chosen = null;
  try {
    chosen = localStorage.getItem("stockdev-theme");
  } catch (ignored) {
    // Storage may be forbidden; the system's preference is then all there is.
  }
  var isDark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
})();
