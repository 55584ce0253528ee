// The frame of the page: the width of both halves, and the colours.

const THEMES = { auto: "◐", light: "☀", dark: "☾" };
const SAID = { auto: "as the system has them", light: "light", dark: "dark" };

// Let the bar between both halves be moved, by the pointer and by keys.
export function splitter(bar, panes) {
  const set = (share) => {
    const width = Math.round(Math.max(20, Math.min(80, share)));
    panes.style.setProperty("--share", `${width}%`);
    bar.setAttribute("aria-valuenow", String(width));
  };
  bar.addEventListener("pointerdown", (event) => bar.setPointerCapture(event.pointerId));
  bar.addEventListener("pointermove", (event) => {
    if (bar.hasPointerCapture(event.pointerId)) {
      set((100 * event.clientX) / panes.clientWidth);
    }
  });
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -3, ArrowRight: 3 }[event.key];
    if (step) {
      event.preventDefault();
      set(Number(bar.getAttribute("aria-valuenow")) + step);
    }
  });
}

// A button that goes through the colours: as the system has them, light, dark.
export function themes(button) {
  const names = Object.keys(THEMES);
  let now = names.includes(remembered()) ? remembered() : "auto";
  const set = (name) => {
    now = name;
    document.documentElement.dataset.theme = name;
    button.textContent = THEMES[name];
    button.setAttribute("aria-label", `Colours: ${SAID[name]}`);
    try {
      localStorage.setItem("theme", name);
    } catch {
      // A browser may forbid it; the choice is then forgotten with the page.
    }
  };
  button.addEventListener("click", () => set(names[(names.indexOf(now) + 1) % names.length]));
  set(now);
}

function remembered() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null;
  }
}
