// The text: a plain text area, above lines that are coloured and marked. Both lie in one cell of a grid, so that they
// scroll together; the letters that one sees are those of the lines, the caret is that of the text area.

import { element } from "./elements.js";

export class Editor {
  // `words` colours lines; `on.change`, `on.caret`, `on.rest(place, around)` and `on.leave` tell what happens.
  constructor(root, words, on) {
    this.words = words;
    this.on = on;
    this.marks = [];
    this.hints = new Map();
    this.shown = [];
    this.texts = [];
    this.area = element("textarea", {
      spellcheck: "false", autocapitalize: "off", autocomplete: "off", wrap: "off", "aria-label": "Text of the file",
    });
    this.lines = element("div", { class: "lines", "aria-hidden": "true" });
    this.numbers = element("div", { class: "numbers", "aria-hidden": "true" });
    this.stack = element("div", { class: "stack" }, this.lines, this.area);
    root.append(this.numbers, this.stack);
    this.root = root;
    this.tabLeaves = false;
    this.#listen();
  }

  get text() {
    return this.area.value;
  }

  // Put in another text. It cannot be undone by a key: it is another file, or another state of it.
  set text(text) {
    this.area.value = text;
    this.area.setSelectionRange(0, 0);
    this.marks = [];
    this.hints = new Map();
    this.render();
  }

  // --- places: [line, unit] from 0 ---------------------------------------------------------------------------------

  offset([line, unit]) {
    let start = 0;
    for (let i = 0; i < line; i += 1) {
      const end = this.text.indexOf("\n", start);
      if (end < 0) {
        return this.text.length;
      }
      start = end + 1;
    }
    const end = this.text.indexOf("\n", start);
    return Math.min(start + unit, end < 0 ? this.text.length : end);
  }

  get caret() {
    const before = this.text.slice(0, this.area.selectionStart).split("\n");
    return [before.length - 1, before.at(-1).length];
  }

  // Select a stretch of text and bring it into view.
  goTo({ start, end }) {
    this.area.focus({ preventScroll: true });
    this.area.setSelectionRange(this.offset(start), this.offset(end));
    this.reveal(start[0]);
    this.#caretMoved();
  }

  reveal(line) {
    const shown = this.lines.children[line];
    const view = this.root;
    if (shown && (shown.offsetTop < view.scrollTop || shown.offsetTop > view.scrollTop + view.clientHeight - 40)) {
      view.scrollTop = shown.offsetTop - view.clientHeight / 3;
    }
  }

  // Make edits, each `{start, end, text}`, so that they can be undone by keys.
  edit(edits) {
    const ready = edits.map((one) => ({ ...one, from: this.offset(one.start), to: this.offset(one.end) }));
    // From the end, so that the places of the others stay what they are.
    ready.sort((a, b) => b.from - a.from);
    this.area.focus({ preventScroll: true });
    for (const { from, to, text } of ready) {
      this.area.setSelectionRange(from, to);
      this.#insert(text);
    }
  }

  // Put in a whole text as an edit that can be undone, the caret on the line where it was.
  replaceAll(text) {
    const [line, unit] = this.caret;
    this.area.focus({ preventScroll: true });
    this.area.select();
    this.#insert(text);
    const at = this.offset([line, unit]);
    this.area.setSelectionRange(at, at);
    this.#caretMoved();
  }

  #insert(text) {
    // Only this way keeps the browser's own history of edits.
    let done = false;
    if (text) {
      done = document.execCommand("insertText", false, text);
    } else if (this.area.selectionStart !== this.area.selectionEnd) {
      done = document.execCommand("delete");
    } else {
      done = true;
    }
    if (!done) {
      this.area.setRangeText(text, this.area.selectionStart, this.area.selectionEnd, "end");
      this.#changed();
    }
  }

  // --- what is shown with the text ---------------------------------------------------------------------------------

  // Mistakes and types belong to one text: they are given together, for the text that they were found in.
  annotate(marks, hints) {
    this.marks = marks;
    this.hints = new Map(hints.map((hint) => [hint.line, hint]));
    this.lines.classList.remove("pending");
    this.render();
  }

  // Show which lines belong to a box of the drawing; nothing for null.
  point(place) {
    for (const line of this.lines.querySelectorAll(".pointed")) {
      line.classList.remove("pointed");
    }
    if (place) {
      for (let i = place.start[0]; i <= place.end[0]; i += 1) {
        this.lines.children[i]?.classList.add("pointed");
      }
    }
  }

  render() {
    const texts = this.text.split("\n");
    this.texts = texts;
    const fresh = [];
    let inDoc = false;
    texts.forEach((text, number) => {
      const marks = this.marks.filter((mark) => mark.start[0] <= number && number <= mark.end[0]);
      const hint = this.hints.get(number);
      const key = JSON.stringify([text, inDoc, marks, hint?.text, marks.length ? number : 0]);
      const [parts, after] = this.words.parts(text, inDoc);
      fresh.push({ key, make: () => lineOf(parts, text, number, marks, hint) });
      inDoc = after;
    });

    // Lines before and behind what changed stay as they are.
    let first = 0;
    while (first < fresh.length && first < this.shown.length && fresh[first].key === this.shown[first]) {
      first += 1;
    }
    let last = 0;
    while (last < fresh.length - first && last < this.shown.length - first
           && fresh.at(-1 - last).key === this.shown.at(-1 - last)) {
      last += 1;
    }
    for (let i = this.shown.length - last; i > first; i -= 1) {
      this.lines.children[i - 1].remove();
    }
    const before = this.lines.children[first] ?? null;
    for (const one of fresh.slice(first, fresh.length - last)) {
      this.lines.insertBefore(one.make(), before);
    }
    this.shown = fresh.map((one) => one.key);
    this.#number(texts.length);
    this.#caretMoved();
  }

  #number(count) {
    while (this.numbers.children.length > count) {
      this.numbers.lastChild.remove();
    }
    while (this.numbers.children.length < count) {
      this.numbers.append(element("div", {}, String(this.numbers.children.length + 1)));
    }
    for (let i = 0; i < count; i += 1) {
      const worst = this.marks.filter((mark) => mark.start[0] === i).map((mark) => mark.severity).sort()[0];
      this.numbers.children[i].className = worst ?? "";
    }
  }

  // --- keys and pointer --------------------------------------------------------------------------------------------

  #listen() {
    this.area.addEventListener("input", () => this.#changed());
    this.area.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("selectionchange", () => {
      if (document.activeElement === this.area) {
        this.#caretMoved();
      }
    });
    let rest = 0;
    this.area.addEventListener("pointermove", (event) => {
      clearTimeout(rest);
      this.on.leave();
      rest = setTimeout(() => this.#rested(event), 350);
    });
    this.area.addEventListener("pointerleave", () => {
      clearTimeout(rest);
      this.on.leave();
    });
    this.area.addEventListener("pointerdown", () => clearTimeout(rest));
  }

  #changed() {
    this.#carryOver();
    // Until the compiler has answered, what is shown was true of the text before: it is pale if that takes long.
    this.lines.classList.add("pending");
    this.render();
    this.on.change();
  }

  // Keep mistakes and types of the lines that are as they were; those of lines that changed are gone.
  #carryOver() {
    const before = this.texts;
    const now = this.text.split("\n");
    let first = 0;
    while (first < before.length && first < now.length && before[first] === now[first]) {
      first += 1;
    }
    let last = 0;
    while (last < before.length - first && last < now.length - first && before.at(-1 - last) === now.at(-1 - last)) {
      last += 1;
    }
    const behind = before.length - last;
    const moved = now.length - before.length;
    const line = (number) => {
      if (number < first) {
        return number;
      }
      return number >= behind ? number + moved : null;
    };
    this.marks = this.marks
      .map((mark) => ({ ...mark, start: [line(mark.start[0]), mark.start[1]], end: [line(mark.end[0]), mark.end[1]] }))
      .filter(({ start, end }) => start[0] !== null && end[0] !== null);
    const hints = [...this.hints.values()].map((hint) => ({ ...hint, line: line(hint.line) }));
    this.hints = new Map(hints.filter((hint) => hint.line !== null).map((hint) => [hint.line, hint]));
  }

  #caretMoved() {
    const [line] = this.caret;
    if (this.current !== this.lines.children[line]) {
      this.current?.classList.remove("current");
      this.current = this.lines.children[line];
      this.current?.classList.add("current");
    }
    this.on.caret(this.caret);
  }

  // The pointer rests: find the word below it, which lies behind the text area.
  #rested(event) {
    const word = document.elementsFromPoint(event.clientX, event.clientY).find((one) => one.dataset?.at !== undefined);
    if (word) {
      const line = Array.prototype.indexOf.call(this.lines.children, word.closest(".line"));
      this.on.rest([line, Number(word.dataset.at)], word.getBoundingClientRect());
    }
  }

  #key(event) {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    // After Escape the tabulator leaves the text, so that the page can be used without a mouse.
    if (event.key === "Escape") {
      this.tabLeaves = true;
      return;
    }
    if (event.key === "Tab" && plain && !this.tabLeaves) {
      event.preventDefault();
      this.#shift(event.shiftKey);
    } else if (event.key === "Enter" && plain && !event.shiftKey) {
      event.preventDefault();
      this.#insert(`\n${this.#indent()}`);
    } else if (event.key === "/" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.#comment();
    }
    this.tabLeaves = this.tabLeaves && event.key === "Shift";
  }

  // The indentation of a new line: that of this one, two more behind an opening bracket.
  #indent() {
    const before = this.text.slice(0, this.area.selectionStart).split("\n").at(-1);
    const indent = before.match(/^ */)[0];
    if (/[{([]\s*$/.test(before)) {
      return `${indent}  `;
    }
    return indent;
  }

  // Move the selected lines to the right, or to the left; without a selection, put spaces in at the caret.
  #shift(isBack) {
    if (!isBack && this.area.selectionStart === this.area.selectionEnd) {
      this.#insert("  ");
      return;
    }
    this.#rewrite((lines) => lines.map((line) => (isBack ? line.replace(/^ {1,2}/, "") : line && `  ${line}`)));
  }

  // Put a comment sign before the selected lines, or take it away where all have one.
  #comment() {
    this.#rewrite((lines) => {
      const all = lines.every((line) => line.startsWith("# ") || !line);
      return lines.map((line) => (all ? line.replace(/^# /, "") : `# ${line}`));
    });
  }

  // Put other lines in the place of those that are selected, and select them.
  #rewrite(change) {
    const first = this.text.slice(0, this.area.selectionStart).split("\n").length - 1;
    const last = this.text.slice(0, this.area.selectionEnd).split("\n").length - 1;
    const lines = this.text.split("\n").slice(first, last + 1);
    const text = change(lines).join("\n");
    const start = this.offset([first, 0]);
    this.edit([{ start: [first, 0], end: [last, lines.at(-1).length], text }]);
    this.area.setSelectionRange(first === last ? start + text.length : start, start + text.length);
  }
}

// A line as an element: its parts, marks below them, and behind its end what is wrong or the type of what leaves.
export function lineOf(parts, text, number, marks, hint) {
  const made = element("div", { class: "line" });
  for (const part of parts) {
    for (const piece of cut(part, number, marks)) {
      made.append(piece);
    }
  }
  const here = marks.find((mark) => mark.start[0] === number);
  if (here) {
    made.classList.add(here.severity);
    made.append(element("span", { class: `said ${here.severity}` }, here.message));
    // A mistake at the end of a line has nothing to underline.
    if (here.start[0] === here.end[0] && here.start[1] === here.end[1]) {
      made.insertBefore(element("span", { class: `mark ${here.severity} empty` }), made.lastChild);
    }
  } else if (hint) {
    made.append(element("span", { class: "hint" }, hint.text));
  }
  if (!text && !made.childNodes.length) {
    made.append("\u200b"); // an empty line is as high as any other
  }
  return made;
}

// A part of a line, cut where a mark begins or ends.
function cut(part, number, marks) {
  const cuts = new Set([0, part.text.length]);
  const stretches = marks.map((mark) => ({
    mark,
    from: (mark.start[0] < number ? 0 : mark.start[1]) - part.at,
    to: (mark.end[0] > number ? Infinity : mark.end[1]) - part.at,
  }));
  for (const { from, to } of stretches) {
    for (const at of [from, to]) {
      if (at > 0 && at < part.text.length) {
        cuts.add(at);
      }
    }
  }
  const places = [...cuts].sort((a, b) => a - b);
  return places.slice(1).map((end, index) => {
    const start = places[index];
    const over = stretches.filter(({ from, to }) => from <= start && end <= to).map(({ mark }) => mark.severity).sort();
    const marked = over.length ? ` mark ${over[0]}` : "";
    return element("span", { class: `${part.kind}${marked}`, "data-at": part.at + start }, part.text.slice(start, end));
  });
}
