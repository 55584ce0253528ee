// The drawing: boxes that say what they are, blocks that fold and unfold, and lines of the text that they belong to.

import { element } from "./elements.js";

const SVG = "http://www.w3.org/2000/svg";
const CLICK = 5; // pixels that the pointer may move in a click

export class Drawing {
  // `on.place(place)`: a box was clicked; `on.toggle(facts, isOpen)`: a block was; `on.point(place)`: the pointer is
  // over a box. `tip` explains boxes.
  constructor(root, tip, on) {
    this.root = root;
    this.tip = tip;
    this.on = on;
    this.zoom = 0; // 0: as wide as there is room
    this.parts = new Map(); // element -> facts
    this.kept = null;
    root.tabIndex = 0;
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "Drawing; arrow keys go from box to box, Enter goes to the line or unfolds a block");
    this.#listen();
  }

  // Show a drawing: `svg`, and facts about its `boxes` and `frames`.
  show({ svg, boxes, frames }) {
    const parsed = new DOMParser().parseFromString(svg, "image/svg+xml");
    const picture = document.importNode(parsed.documentElement, true);
    const { width, height } = picture.viewBox.baseVal;
    this.size = { width, height };
    picture.removeAttribute("width");
    picture.removeAttribute("height");
    picture.setAttribute("role", "presentation");

    this.parts = new Map();
    const found = [...picture.querySelectorAll("g.node, g.cluster")].map((group) => [group, factsOf(group, boxes, frames)]);
    // The browser's own tips would stand before ours.
    for (const title of [...picture.querySelectorAll("title")]) {
      title.remove();
    }
    for (const link of [...picture.querySelectorAll("a")]) {
      link.replaceWith(...link.childNodes);
    }
    this.picture?.remove();
    this.root.prepend(picture);
    this.picture = picture;
    for (const [group, facts] of found) {
      if (facts) {
        this.#equip(group, facts);
      }
    }
    this.#resize();
    this.#settle();
    this.root.classList.remove("stale");
    if (this.pointedAt) {
      this.follow(this.pointedAt);
    }
  }

  // The text has mistakes: what is shown is the drawing of an older one.
  grow(isStale) {
    this.root.classList.toggle("stale", isStale);
  }

  clear(message) {
    this.picture?.remove();
    this.picture = null;
    this.parts = new Map();
    this.root.querySelector(".empty")?.remove();
    if (message) {
      this.root.append(element("p", { class: "empty" }, message));
    }
  }

  // Mark the boxes of the line at which the caret stands.
  follow(caret) {
    this.pointedAt = caret;
    for (const [group, facts] of this.parts) {
      const { place } = facts;
      const isHere = facts.kind !== "frame" && place && place.start[0] <= caret[0] && caret[0] <= place.end[0];
      group.classList.toggle("here", Boolean(isHere));
    }
  }

  // Mark boxes by what changed in them: a function of the names in a box gives the kind of change.
  mark(changeOf) {
    for (const [group, facts] of this.parts) {
      group.classList.remove("added", "changed", "removed");
      const change = facts.kind === "frame" ? null : changeOf(facts.names);
      if (change) {
        group.classList.add(change);
      }
    }
  }

  // Bring the first box that changed into view.
  revealMarked() {
    this.root.querySelector(".part:is(.added, .changed, .removed)")?.scrollIntoView({ block: "center", inline: "nearest" });
  }

  // --- size --------------------------------------------------------------------------------------------------------

  enlarge(factor) {
    const now = this.#factor();
    this.zoom = Math.max(0.1, Math.min(8, now * factor));
    this.#resize();
  }

  fit() {
    this.zoom = 0;
    this.#resize();
  }

  #factor() {
    if (this.zoom) {
      return this.zoom;
    }
    // Small drawings are not blown up beyond what is pleasant to read.
    return Math.min(1.25, Math.max(0.45, (this.root.clientWidth - 32) / this.size.width));
  }

  #resize() {
    if (this.picture) {
      this.picture.style.width = `${this.size.width * this.#factor()}px`;
      this.picture.style.height = `${this.size.height * this.#factor()}px`;
    }
  }

  // --- boxes -------------------------------------------------------------------------------------------------------

  #equip(group, facts) {
    this.parts.set(group, facts);
    group.classList.add("part");
    group.setAttribute("tabindex", "-1");
    group.setAttribute("role", "button");
    group.setAttribute("aria-label", spoken(facts));
    if (facts.scopes.length) {
      const isOpen = facts.kind === "frame";
      group.setAttribute("aria-expanded", String(isOpen));
      group.append(badge(group, isOpen));
    }
  }

  #activate(group, onlyPlace = false) {
    const facts = this.parts.get(group);
    if (facts.scopes.length && !onlyPlace) {
      this.#keep(group, facts);
      this.tip.hide();
      this.on.toggle(facts, facts.kind === "frame");
    } else if (facts.place) {
      this.on.place(facts.place);
    }
  }

  // A block that folds stays where it is on the screen: the eye need not look for it.
  #keep(group, facts) {
    const { left, top } = group.getBoundingClientRect();
    this.kept = { left, top, scope: facts.scopes[0], hasFocus: group === document.activeElement };
  }

  #settle() {
    const kept = this.kept;
    this.kept = null;
    if (!kept) {
      return;
    }
    for (const [group, facts] of this.parts) {
      if (facts.scopes.includes(kept.scope)) {
        const { left, top } = group.getBoundingClientRect();
        this.root.scrollBy(left - kept.left, top - kept.top);
        if (kept.hasFocus) {
          group.focus({ preventScroll: true });
        }
        return;
      }
    }
  }

  // --- pointer and keys --------------------------------------------------------------------------------------------

  #listen() {
    const partAt = (target) => (target instanceof Element ? target.closest(".part") : null);
    let down = null;
    this.root.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && event.target !== this.root) {
        down = { x: event.clientX, y: event.clientY, moved: false };
      }
    });
    this.root.addEventListener("pointermove", (event) => {
      if (down && event.buttons) {
        down.moved ||= Math.hypot(event.clientX - down.x, event.clientY - down.y) > CLICK;
        if (down.moved) {
          this.root.scrollBy(-event.movementX, -event.movementY);
          this.root.classList.add("dragged");
          this.tip.hide();
        }
      }
    });
    window.addEventListener("pointerup", () => this.root.classList.remove("dragged"));
    this.root.addEventListener("click", (event) => {
      const group = partAt(event.target);
      const moved = down?.moved;
      this.clicked = { x: event.clientX, y: event.clientY };
      down = null;
      // The ground of a frame is no button: only its name and its sign are.
      const isGround = group?.classList.contains("cluster") && !event.target.closest("text, .badge");
      if (group && !moved && !isGround) {
        this.#activate(group, event.shiftKey);
      }
    });
    this.root.addEventListener("pointerover", (event) => {
      const group = partAt(event.target);
      // What has just moved below a pointer that rests is not what somebody points at.
      const rests = this.clicked?.x === event.clientX && this.clicked?.y === event.clientY;
      if (group && !event.buttons && !rests) {
        this.#explain(group);
      }
    });
    this.root.addEventListener("pointerout", () => {
      this.tip.hideSoon();
      this.on.point(null);
    });
    this.root.addEventListener("focusin", (event) => {
      if (this.parts.has(event.target) && event.target.matches(":focus-visible")) {
        this.#explain(event.target);
      }
    });
    this.root.addEventListener("focusout", () => this.tip.hideSoon());
    this.root.addEventListener("keydown", (event) => this.#key(event));
    this.root.addEventListener("wheel", (event) => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        this.enlarge(Math.exp(-event.deltaY / 400));
      }
    }, { passive: false });
    new ResizeObserver(() => this.#resize()).observe(this.root);
  }

  #explain(group) {
    const facts = this.parts.get(group);
    const label = group.querySelector("text") ?? group;
    const around = group.classList.contains("cluster") ? label.getBoundingClientRect() : group.getBoundingClientRect();
    this.tip.show(card(facts), around);
    this.on.point(facts.place);
  }

  #key(event) {
    const groups = [...this.parts.keys()];
    const at = groups.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (step && groups.length && !event.ctrlKey && !event.altKey) {
      event.preventDefault();
      const next = groups[(at + step + groups.length) % groups.length] ?? groups[0];
      next.focus();
      next.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else if ((event.key === "Enter" || event.key === " ") && at >= 0) {
      event.preventDefault();
      this.#activate(groups[at], event.shiftKey);
    } else if (event.key === "Escape") {
      this.tip.hide();
    } else if (event.key === "+" || event.key === "-") {
      this.enlarge(event.key === "+" ? 1.2 : 1 / 1.2);
    } else if (event.key === "0") {
      this.fit();
    }
  }
}

// The facts about a group of the drawing. Graphviz names groups by a title, the built-in layout by an attribute.
function factsOf(group, boxes, frames) {
  const name = group.querySelector(":scope > title")?.textContent ?? "";
  if (group.classList.contains("cluster")) {
    return frames[group.dataset.frame ?? name.replace(/^cluster_/, "")];
  }
  return boxes[group.dataset.box ?? name];
}

// A sign at the corner of a block: + unfolds it, − folds it.
function badge(group, isOpen) {
  const { x, y, width } = group.getBBox();
  const made = document.createElementNS(SVG, "g");
  made.setAttribute("class", "badge");
  made.setAttribute("transform", `translate(${x + width - (isOpen ? 10 : 1)} ${y + (isOpen ? 10 : 1)})`);
  for (const [name, attributes] of [
    ["circle", { r: 9, class: "reach" }],
    ["circle", { r: 5.5, class: "disc" }],
    ["path", { d: isOpen ? "M-2.8 0h5.6" : "M-2.8 0h5.6M0-2.8v5.6" }],
  ]) {
    const part = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) {
      part.setAttribute(key, value);
    }
    made.append(part);
  }
  return made;
}

// What a box is, as a card.
function card(facts) {
  const made = element("div", { class: "card" });
  made.append(element("h3", {}, facts.title));
  if (facts.entering.length || facts.leaving.length) {
    const way = element("p", { class: "way" });
    way.append(element("code", {}, facts.entering.join(", ") || "·"), " → ", element("code", {}, facts.leaving.join(", ") || "·"));
    made.append(way);
  }
  if (facts.count) {
    const table = element("dl");
    for (const [name, value] of [["parameters", facts.parameters], ["FLOPs", facts.flops], ["results", facts.results]]) {
      table.append(element("div", {}, element("dd", {}, value), element("dt", {}, name)));
    }
    made.append(table);
  }
  if (facts.operations.length && facts.kind !== "end") {
    const list = element("ul", {}, ...facts.operations.slice(0, 6).map((one) => element("li", {}, one)));
    if (facts.count > 6) {
      list.append(element("li", { class: "more" }, `and ${facts.count - 6} more`));
    }
    made.append(list);
  }
  const foot = footnote(facts);
  if (foot) {
    made.append(element("p", { class: "foot" }, foot));
  }
  return made;
}

function footnote(facts) {
  const line = facts.place ? `line ${facts.place.start[0] + 1}` : "in another file";
  if (facts.kind === "frame") {
    return `click its name to fold · ${line}`;
  }
  if (facts.scopes.length) {
    return `click to unfold · shift-click: ${line}`;
  }
  return facts.place ? `click: ${line}` : "";
}

function spoken(facts) {
  const types = facts.leaving.length ? `, gives ${facts.leaving.join(", ")}` : "";
  const counts = facts.count ? `, ${facts.parameters} parameters, ${facts.flops} FLOPs` : "";
  return `${facts.title}${types}${counts}`;
}
