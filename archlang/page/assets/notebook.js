// The view in a notebook: drawings of all depths come along, so that blocks fold and unfold without a server.

import { lineOf } from "./editor.js";
import { Drawing } from "./drawing.js";
import { button, element, Tip } from "./elements.js";
import { Problems } from "./problems.js";
import { Words } from "./words.js";

const data = JSON.parse(document.getElementById("data").textContent);
const tip = new Tip();

// The text, with what is wrong in it; a row for each line, as in the page.
const lines = element("div", { class: "lines" });
if (data.text !== null) {
  const words = new Words(data.words);
  let inDoc = false;
  data.text.split("\n").forEach((text, number) => {
    const marks = data.marks.filter((mark) => mark.start[0] <= number && number <= mark.end[0]);
    const hint = data.hints.find((one) => one.line === number);
    const [parts, after] = words.parts(text, inDoc);
    lines.append(lineOf(parts, text, number, marks, hint));
    inDoc = after;
  });
  document.getElementById("text").append(lines);
}

function point(place) {
  for (const line of lines.querySelectorAll(".pointed")) {
    line.classList.remove("pointed");
  }
  if (place) {
    for (let i = place.start[0]; i <= place.end[0]; i += 1) {
      lines.children[i]?.classList.add("pointed");
    }
  }
}

const problems = new Problems(document.getElementById("problems"), {
  goTo: (mark) => lines.children[mark.start[0]]?.scrollIntoView({ block: "center" }),
  fix: () => {},
});
problems.show(data.marks);
document.getElementById("problems").hidden = data.marks.length === 0;

// --- the drawings ----------------------------------------------------------------------------------------------------

const canvas = document.getElementById("canvas");
const drawing = new Drawing(canvas, tip, {
  place: (place) => lines.children[place.start[0]]?.scrollIntoView({ block: "nearest" }),
  toggle,
  point,
});
const levels = data.levels;
let level = data.level;

// Whether a scope is a closed box of a drawing.
function isClosed(index, scope) {
  return Object.values(levels[index].boxes).some((box) => box.scopes.includes(scope));
}

// All blocks of one depth fold together: go to the nearest drawing in which this one is the other way.
function toggle(facts, isOpen) {
  const [scope] = facts.scopes;
  let next = level;
  do {
    next += isOpen ? -1 : 1;
  } while (next > 0 && next < levels.length - 1 && isClosed(next, scope) !== isOpen);
  show(next);
}

function show(index) {
  level = Math.max(0, Math.min(levels.length - 1, index));
  drawing.show(levels[level]);
  for (const [name, bound] of [["fold", 0], ["unfold", levels.length - 1]]) {
    document.getElementById(name).disabled = level === bound;
  }
  document.body.dataset.level = String(level);
}

if (levels.length) {
  const bar = document.getElementById("bar");
  bar.append(
    element("output", {}, data.totals),
    element("span", { class: "space" }),
    button("Fold", () => show(level - 1), { id: "fold", title: "Fold the innermost blocks" }),
    button("Unfold", () => show(level + 1), { id: "unfold", title: "Unfold one level more" }),
    button("−", () => drawing.enlarge(1 / 1.2), { "aria-label": "Smaller" }),
    button("+", () => drawing.enlarge(1.2), { "aria-label": "Larger" }),
  );
  show(level);
} else {
  canvas.hidden = true;
}
