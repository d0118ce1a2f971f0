// Before anything is painted: the colours that were chosen last. Without a choice the system's hold.
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* Storage is forbidden: nothing is kept. */ }
