// The dials of a network as fields. A value that is set here changes the drawing, and the text only when it is asked to.

import { button, element } from "./elements.js";

export class Dials {
  // `on.change()` after a value was set; `on.write(dial, value)` where it shall stand in the text.
  constructor(root, on) {
    this.root = root;
    this.on = on;
    this.given = {};
    this.shown = "";
    root.addEventListener("submit", (event) => event.preventDefault());
  }

  // Show the dials of a text. Fields that are there already stay, so that a slider is not lost under the pointer.
  show(dials) {
    this.dials = dials;
    const names = dials.map((dial) => dial.name);
    // A dial that the text has no more must not be given: the compiler would refuse it.
    const known = Object.entries(this.given).filter(([name]) => names.includes(name));
    const forgotten = known.length < Object.keys(this.given).length;
    this.given = Object.fromEntries(known);

    const shown = JSON.stringify(dials.map(({ name, kind, default: written }) => [name, kind, written]));
    if (shown !== this.shown) {
      this.shown = shown;
      this.root.replaceChildren(...dials.map((dial) => this.#field(dial)));
    }
    this.root.hidden = dials.length === 0;
    dials.forEach((dial, index) => this.#fill(this.root.children[index], dial));
    if (forgotten) {
      this.on.change();
    }
  }

  #field(dial) {
    const name = `dial-${dial.name}`;
    const label = element("label", { for: name }, dial.name);
    const fields = [];
    if (dial.kind === "whole" || dial.kind === "real") {
      const range = { min: dial.least, max: dial.most, step: dial.step };
      fields.push(element("input", { type: "range", ...range, "aria-label": `${dial.name}, slider`, class: "slider" }));
      fields.push(element("input", { type: "text", inputmode: "decimal", id: name, class: "value" }));
    } else if (dial.kind === "truth") {
      fields.push(element("input", { type: "checkbox", id: name, class: "value" }));
    } else {
      fields.push(element("input", { type: "text", id: name, class: "value wide" }));
    }
    for (const field of fields) {
      field.addEventListener("input", () => this.#set(dial.name, valueOf(field)));
    }
    const back = button("↺", () => this.#set(dial.name, null), { class: "back", title: "Back to the text's own value" });
    const write = button("write", () => this.#write(dial.name), { class: "write", title: "Make this the default in the text" });
    back.setAttribute("aria-label", `${dial.name}: back to the text's own value`);
    write.setAttribute("aria-label", `${dial.name}: make this the default in the text`);
    return element("div", { class: "dial" }, label, ...fields, back, write);
  }

  #fill(field, dial) {
    const value = this.given[dial.name] ?? dial.value;
    field.classList.toggle("given", dial.name in this.given);
    field.querySelector(".write").hidden = !(dial.name in this.given) || !dial.place;
    field.querySelector(".back").hidden = !(dial.name in this.given);
    for (const input of field.querySelectorAll("input")) {
      if (input.type === "checkbox") {
        input.checked = value === "true";
      } else if (input !== document.activeElement || input.type === "range") {
        input.value = value;
      }
    }
  }

  #set(name, value) {
    const dial = this.dials.find((one) => one.name === name);
    // An empty field is the text's own value.
    if (value === null || value === "" || value === dial.default) {
      delete this.given[name];
    } else {
      this.given[name] = value;
    }
    const field = this.root.children[this.dials.indexOf(dial)];
    this.#fill(field, { ...dial, value: this.given[name] ?? dial.default });
    this.on.change();
  }

  #write(name) {
    const dial = this.dials.find((one) => one.name === name);
    const value = this.given[name];
    if (value !== undefined && dial.place) {
      delete this.given[name];
      this.on.write(dial, value);
    }
  }
}

function valueOf(field) {
  if (field.type === "checkbox") {
    return String(field.checked);
  }
  return field.value.trim();
}
