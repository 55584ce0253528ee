// The differences of the text from its stored state or from another file: of the networks, and of the lines.

import { button, element } from "./elements.js";

export class Comparison {
  // `on.side(isBefore)`: the drawing of before, or that of the text, shall be shown.
  constructor(root, on) {
    this.root = root;
    this.on = on;
    this.isBefore = false;
    this.answer = null;
  }

  show(answer, name) {
    this.answer = answer;
    this.root.hidden = false;
    const head = element("header", {}, element("h2", {}, `Differences from ${name}`), element("span", { class: "space" }));
    if (answer.before) {
      this.side = button("", () => this.#turn(), { class: "side", "aria-pressed": String(this.isBefore) });
      head.append(this.side);
      this.#name();
    }
    const networks = answer.problem ? element("p", { class: "problem" }, answer.problem) : element("pre", {}, answer.text.trim());
    const lines = element("pre", { class: "patch" }, ...answer.patch.map(line));
    if (!answer.patch.length) {
      lines.append("The lines are the same.");
    }
    this.root.replaceChildren(head, element("div", { class: "both" }, networks, lines));
  }

  hide() {
    this.answer = null;
    this.root.hidden = true;
    if (this.isBefore) {
      this.isBefore = false;
      this.on.side(false);
    }
  }

  // How a box is marked, by the names of what it shows.
  changeOf(names) {
    const changes = this.answer?.changes ?? [];
    for (const change of changes) {
      if (names.some((name) => name === change.name || name.startsWith(`${change.name}.`))) {
        return { added: "added", removed: "removed" }[change.what] ?? "changed";
      }
    }
    return null;
  }

  #turn() {
    this.isBefore = !this.isBefore;
    this.#name();
    this.on.side(this.isBefore);
  }

  #name() {
    this.side.textContent = this.isBefore ? "Show the drawing of the text" : "Show the drawing before";
    this.side.setAttribute("aria-pressed", String(this.isBefore));
  }
}

function line(text) {
  const kinds = { "+": "plus", "-": "minus", "@": "place" };
  return element("span", { class: kinds[text[0]] ?? "" }, `${text}\n`);
}
