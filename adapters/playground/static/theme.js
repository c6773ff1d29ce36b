// Runs before the first paint (a plain script, not a module), so that a chosen theme never flashes.
(() => {
  const STORED = "latchkey-theme";
  const root = document.documentElement;

  const stored = () => {
    try {
      return localStorage.getItem(STORED);
    } catch {
      return null;
    }
  };

  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };

  apply(stored());

  /** The theme in force, and a way to change it: "light", "dark" or null for the system's. */
  globalThis.latchkeyTheme = {
    current() {
      return root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    },
    set(theme) {
      try {
        if (theme) localStorage.setItem(STORED, theme);
        else localStorage.removeItem(STORED);
      } catch {
        // A browser that keeps nothing still changes the theme for this visit.
      }
      apply(theme);
    },
  };
})();
