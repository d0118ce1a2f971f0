// What a page can do beyond showing itself: draw its charts when they come near, change colours, copy SQL.

const root = document.documentElement;
const main = document.querySelector("main");
const system = matchMedia("(prefers-color-scheme: dark)");

// --- light and dark

const button = document.getElementById("theme");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);

function named() {
  button.textContent = isDark() ? "Light" : "Dark";
  button.setAttribute("aria-label", `Show the page ${isDark() ? "light" : "dark"}`);
}

button.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* It holds until the next page. */ }
  named();
  drawAgain();
});
system.addEventListener("change", () => { named(); drawAgain(); });
button.hidden = false;
named();

// On a phone the way to this page may be outside of the picture.
document.querySelector("header nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

// --- charts

const views = new Map();  // By their places: what is drawn there.
let asked = null;  // Of the drawings of this page: one request for all.

function specifications() {
  asked ??= Promise.all([fetch(main.dataset.charts), import(main.dataset.vega)]).then(async ([answer]) => {
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error);
    return told;
  });
  return asked;
}

function colours() {
  const style = getComputedStyle(root);
  const [ink, line, font] = ["--ink", "--line", "--font"].map((name) => style.getPropertyValue(name).trim());
  const words = { labelColor: ink, titleColor: ink, labelFont: font, labelFontSize: 11 };
  return {
    font, axis: { ...words, gridColor: line, domainColor: line, tickColor: line }, legend: words, view: { stroke: null },
  };
}

async function draw(place) {
  try {
    const drawings = await specifications();
    const embedded = await window.vegaEmbed(place, drawings[place.dataset.chart], {
      // The policy of the page forbids eval, and styles that are not the page's own.
      actions: false, ast: true, config: colours(), defaultStyle: false, renderer: "svg", tooltip: { disableDefaultStyle: true },
    });
    views.get(place)?.finalize();
    views.set(place, embedded.view);
    root.dataset.drawn = views.size;
  } catch (error) {
    place.textContent = `This chart could not be drawn: ${error.message}`;
  }
}

function drawAgain() {
  for (const place of views.keys()) draw(place);
}

const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    draw(target);
  }
}, { rootMargin: "300px" });
document.querySelectorAll("[data-chart]").forEach((place) => near.observe(place));

// --- SQL to copy

for (const text of document.querySelectorAll("[data-copy]")) {
  const copy = Object.assign(document.createElement("button"), { type: "button", className: "copy", textContent: "Copy" });
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text);  // The browser does not allow it here: it is marked for Ctrl-C.
      copy.textContent = "Press Ctrl-C";
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  });
  text.before(copy);
}
