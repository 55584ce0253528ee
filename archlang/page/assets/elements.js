// Small helps for elements. Nothing here reads text as HTML: what a file says is shown as text.

// Make an element: `element("button", { class: "fix" }, "Mend")`.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) {
      made.setAttribute(key, "");
    } else if (value !== false && value !== null && value !== undefined) {
      made.setAttribute(key, value);
    }
  }
  made.append(...children);
  return made;
}

// Make a button that does something.
export function button(text, work, attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", work);
  return made;
}

// The little Markdown that explanations are written in: fenced code, `code`, lists, paragraphs.
export function markdown(text) {
  const made = document.createDocumentFragment();
  const blocks = text.split(/```\w*\n([\s\S]*?)\n```/);
  blocks.forEach((block, index) => {
    // Every second one stood between fences.
    if (index % 2) {
      made.append(element("pre", {}, block));
      return;
    }
    for (const paragraph of block.split(/\n\n+/).filter((part) => part.trim())) {
      made.append(paragraphOf(paragraph.trim()));
    }
  });
  return made;
}

function paragraphOf(text) {
  const lines = text.split("\n");
  if (lines.every((line) => line.startsWith("- "))) {
    return element("ul", {}, ...lines.map((line) => element("li", {}, ...inline(line.slice(2)))));
  }
  return element("p", {}, ...inline(text));
}

// The parts of a text: what stands between backquotes is code.
export function inline(text) {
  return text.split(/`([^`]+)`/).map((part, index) => {
    if (index % 2) {
      return element("code", {}, part);
    }
    return part;
  });
}

// A box with explanations that stands beside what it explains.
export class Tip {
  constructor(parent = document.body) {
    this.box = element("div", { class: "tip", role: "tooltip", hidden: true });
    parent.append(this.box);
    this.hiding = 0;
    // Buttons in it can be reached: it stays while the pointer is on it.
    this.box.addEventListener("pointerenter", () => clearTimeout(this.hiding));
    this.box.addEventListener("pointerleave", () => this.hide());
  }

  get isShown() {
    return !this.box.hidden;
  }

  // Show something below a place, or above it where there is no room.
  show(content, around) {
    clearTimeout(this.hiding);
    this.box.replaceChildren(content);
    this.box.hidden = false;
    const { width, height } = this.box.getBoundingClientRect();
    const left = Math.max(8, Math.min(around.left, window.innerWidth - width - 8));
    let top = around.bottom + 8;
    if (top + height > window.innerHeight - 8) {
      top = Math.max(8, around.top - height - 8);
    }
    this.box.style.left = `${left}px`;
    this.box.style.top = `${top}px`;
  }

  hide() {
    clearTimeout(this.hiding);
    this.box.hidden = true;
  }

  // Hide it unless the pointer reaches it soon.
  hideSoon() {
    clearTimeout(this.hiding);
    this.hiding = setTimeout(() => this.hide(), 180);
  }
}
