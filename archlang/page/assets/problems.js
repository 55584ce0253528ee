// The mistakes of a text: a list below it, and the card of one of them. Each mend has a button.

import { button, element, inline } from "./elements.js";

export class Problems {
  // `on.goTo(mark)` and `on.fix(fix)`.
  constructor(root, on) {
    this.root = root;
    this.on = on;
    this.marks = [];
  }

  show(marks) {
    this.marks = marks;
    this.root.querySelector("h2").textContent = counted(marks);
    this.root.classList.toggle("none", marks.length === 0);
    this.root.querySelector("ul").replaceChildren(...marks.map((mark) => this.#row(mark)));
  }

  #row(mark) {
    const where = button(`${mark.start[0] + 1}:${mark.start[1] + 1}`, () => this.on.goTo(mark), { class: "where" });
    return element("li", { class: mark.severity }, where, this.card(mark));
  }

  // All that is said of a mistake, with a button for each mend.
  card(mark) {
    const [message, ...more] = mark.text.split("\n");
    const made = element("div", { class: "mistake" }, element("p", { class: "message" }, ...inline(message)));
    for (const line of more) {
      made.append(element("p", { class: "help" }, ...inline(line)));
    }
    if (mark.fixes.length) {
      const fixes = mark.fixes.map((fix) => this.#button(fix));
      made.append(element("p", { class: "fixes" }, ...fixes));
    }
    return made;
  }

  #button(fix) {
    const made = button("", () => this.on.fix(fix), { class: "fix" });
    made.append(...inline(fix.title));
    return made;
  }

  // The next mistake behind a place, or the first one; undefined where there is none.
  after([line, unit]) {
    const behind = this.marks.find(({ start }) => start[0] > line || (start[0] === line && start[1] > unit));
    return behind ?? this.marks[0];
  }

  at([line, unit]) {
    const place = line * 1e6 + unit;
    return this.marks.find(({ start, end }) => start[0] * 1e6 + start[1] <= place && place <= end[0] * 1e6 + end[1]);
  }
}

function counted(marks) {
  const errors = marks.filter((mark) => mark.severity === "error").length;
  const parts = [[errors, "mistake"], [marks.length - errors, "warning"]]
    .filter(([count]) => count)
    .map(([count, noun]) => `${count} ${noun}${count === 1 ? "" : "s"}`);
  return parts.join(", ") || "No mistakes";
}
