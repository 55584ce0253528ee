// The page: what happens when the text, a dial, a fold or a file on the disk changes.

import { ask, look, SilentError } from "./asking.js";
import { Comparison } from "./compare.js";
import { Dials } from "./dials.js";
import { Drawing } from "./drawing.js";
import { Editor } from "./editor.js";
import { button, element, markdown, Tip } from "./elements.js";
import { splitter, themes } from "./layout.js";
import { Problems } from "./problems.js";
import { Words } from "./words.js";

const PAUSE = 60; // milliseconds without a key before the text is looked at
const NEWS = 700; // milliseconds between two looks at the disk

const $ = (id) => document.getElementById(id);
const state = {
  file: "", // the file in the text area
  stored: "", // its text on the disk, as far as the page knows
  mark: "", // the mark of that text
  disk: "", // the state of all files
  opened: new Set(),
  closed: new Set(),
  drawing: null,
};

const tip = new Tip();
const begun = await ask("begin");
const editor = new Editor($("editor"), new Words(begun.words), {
  change: changed,
  caret: (caret) => drawing.follow(caret),
  rest: explain,
  leave: () => tip.hideSoon(),
});
const drawing = new Drawing($("canvas"), tip, { place: (place) => editor.goTo(place), toggle, point: (place) => editor.point(place) });
const dials = new Dials($("dials"), { change: () => soon(), write: writeDial });
const problems = new Problems($("problems"), { goTo: (mark) => editor.goTo(mark), fix: mend });
const comparison = new Comparison($("compared"), { side: showSide });

// --- looking at the text ---------------------------------------------------------------------------------------------

function question() {
  const depth = $("depth").value;
  return {
    file: state.file,
    text: editor.text,
    dials: dials.given,
    depth: depth === "" ? null : Number(depth),
    opened: [...state.opened],
    closed: [...state.closed],
  };
}

let waiting = 0;
function soon(pause = PAUSE) {
  clearTimeout(waiting);
  waiting = setTimeout(() => refresh(), pause);
}

function changed() {
  tip.hide();
  showState();
  soon();
}

async function refresh() {
  clearTimeout(waiting);
  const asked = question();
  let view;
  try {
    view = await look(asked);
  } catch (error) {
    return silent(error);
  }
  // A newer text is looked at already, or has just been typed.
  if (!view || asked.text !== editor.text || asked.file !== state.file) {
    return undefined;
  }
  if (view.problem) {
    return banner(view.problem);
  }
  editor.annotate(view.marks, view.hints);
  problems.show(view.marks);
  dials.show(view.dials);
  showDrawing(view);
  document.body.dataset.seen = String(Number(document.body.dataset.seen ?? 0) + 1);
  if ($("with").value) {
    await compare();
  }
  return undefined;
}

function showDrawing(view) {
  const hasMistakes = view.marks.some((mark) => mark.severity === "error");
  if (view.drawing) {
    state.drawing = view.drawing;
    drawing.clear();
    if (!comparison.isBefore) {
      drawing.show(view.drawing);
    }
    const { name, operations, parameters, flops, results } = view.totals;
    $("totals").replaceChildren(
      element("strong", {}, name), "  ", element("strong", {}, parameters), " parameters · ",
      element("strong", {}, flops), " FLOPs · ", element("strong", {}, results), ` results · ${operations} operations`,
    );
  } else if (!hasMistakes) {
    state.drawing = null;
    drawing.clear("This file declares blocks alone: there is no network to draw.");
    $("totals").textContent = "";
  } else if (!state.drawing) {
    drawing.clear("The drawing appears as soon as the text has no mistakes.");
  }
  drawing.grow(hasMistakes && state.drawing !== null);
}

function toggle(facts, isOpen) {
  // Members that are closed already keep the frame around them: it opens them again.
  const isClosed = facts.scopes.every((scope) => state.closed.has(scope));
  const closes = isOpen && !isClosed;
  for (const scope of facts.scopes) {
    state.closed[closes ? "add" : "delete"](scope);
    state.opened[closes ? "delete" : "add"](scope);
  }
  refresh();
}

// --- hover, mends, dials ---------------------------------------------------------------------------------------------

async function explain(place, around) {
  const mark = problems.at(place);
  if (mark) {
    tip.show(problems.card(mark), around);
    return;
  }
  const asked = question();
  try {
    const { found } = await ask("hover", { ...asked, line: place[0], unit: place[1] });
    if (found && asked.text === editor.text && document.elementsFromPoint(around.left + 1, around.top + 1).includes(editor.area)) {
      tip.show(markdown(found.text), around);
    }
  } catch (error) {
    silent(error);
  }
}

function mend(fix) {
  tip.hide();
  editor.edit(fix.edits);
}

function writeDial(dial, value) {
  editor.edit([{ ...dial.place, text: value }]);
}

// --- comparing -------------------------------------------------------------------------------------------------------

async function compare() {
  const other = $("with").value;
  if (!other) {
    comparison.hide();
    drawing.mark(() => null);
    return;
  }
  const asked = question();
  let answer;
  try {
    answer = await ask("compare", { ...asked, with: other });
  } catch (error) {
    silent(error);
    return;
  }
  if (asked.text !== editor.text || $("with").value !== other) {
    return;
  }
  comparison.show({ patch: [], ...answer }, other === state.file ? "the stored text" : other);
  showSide(comparison.isBefore);
}

function showSide(isBefore) {
  const shown = isBefore ? comparison.answer?.before : state.drawing;
  if (shown) {
    drawing.show(shown);
  }
  drawing.mark((names) => comparison.changeOf(names));
}

// --- files -----------------------------------------------------------------------------------------------------------

async function open(file) {
  const answer = await ask("open", { file });
  if (answer.problem) {
    $("file").value = state.file;
    banner(answer.problem);
    return;
  }
  const isOther = file !== state.file;
  state.file = file;
  state.stored = answer.text;
  state.mark = answer.mark;
  if (isOther) {
    state.opened.clear();
    state.closed.clear();
    state.drawing = null;
    editor.text = answer.text;
  } else {
    editor.replaceAll(answer.text);
  }
  document.title = `${file} · archlang`;
  listFiles(begun.files);
  banner("");
  showState();
  await refresh();
}

function listFiles(files) {
  begun.files = files;
  const options = files.map((name) => element("option", { value: name, selected: name === state.file }, name));
  $("file").replaceChildren(...options);
  const others = files.filter((name) => name !== state.file).map((name) => element("option", { value: name }, name));
  const chosen = $("with").value;
  $("with").replaceChildren(element("option", { value: "" }, "nothing"), element("option", { value: state.file }, "the stored text"), ...others);
  $("with").value = files.includes(chosen) ? chosen : "";
}

async function save(isForced = false) {
  const text = editor.text;
  let answer;
  try {
    answer = await ask("save", { file: state.file, text, mark: isForced ? null : state.mark });
  } catch (error) {
    silent(error);
    return;
  }
  if (answer.problem) {
    banner(answer.problem, answer.conflict ? conflict() : []);
    return;
  }
  state.stored = text;
  state.mark = answer.mark;
  banner("");
  showState("saved");
  if ($("with").value === state.file) {
    compare();
  }
}

function conflict() {
  return [
    button("Load what is stored", () => open(state.file)),
    button("Write mine all the same", () => save(true)),
  ];
}

async function format() {
  const { text } = await ask("format", question());
  if (typeof text === "string" && text !== editor.text) {
    editor.replaceAll(text);
  }
}

function isChanged() {
  return editor.text !== state.stored;
}

function showState(said = "") {
  $("state").textContent = isChanged() ? "not saved" : said || "as stored";
  $("state").className = isChanged() ? "changed" : "";
  $("save").disabled = !isChanged();
}

// --- the disk --------------------------------------------------------------------------------------------------------

async function news() {
  let answer;
  try {
    answer = await ask("news");
  } catch (error) {
    silent(error);
    return;
  }
  if ($("banner").dataset.kind === "gone" && answer.is_there) {
    banner("");
  }
  if (!answer.is_there) {
    banner(`The folder ${begun.folder} is gone. What you type stays in this page.`, [], "gone");
  } else if (answer.state !== state.disk) {
    const isFirst = state.disk === "";
    state.disk = answer.state;
    listFiles(answer.files);
    await diskChanged(isFirst);
  }
}

// At first, too: the file may have been written to between its opening and the first news.
async function diskChanged(isFirst) {
  const answer = await ask("open", { file: state.file });
  if (answer.problem) {
    banner(answer.problem);
  } else if (answer.mark === state.mark) {
    if (!isFirst) {
      await refresh(); // another file has changed, which this one may import
    }
  } else if (!isChanged() || answer.text === editor.text) {
    await open(state.file);
    showState("loaded anew");
  } else {
    banner(`${state.file} was changed by another program, and here.`, conflict());
  }
}

function silent(error) {
  if (!(error instanceof SilentError)) {
    throw error;
  }
  banner("The server does not answer: start archlang serve anew. What you typed stays in this page.", [], "gone");
}

function banner(text, choices = [], kind = "") {
  $("banner").hidden = !text;
  $("banner").dataset.kind = kind;
  $("banner").querySelector("span").textContent = text;
  $("banner").querySelector(".choices").replaceChildren(...choices, ...(text ? [button("✕", () => banner(""), { "aria-label": "Close" })] : []));
}

// --- controls --------------------------------------------------------------------------------------------------------

$("file").addEventListener("change", () => {
  if (isChanged() && !window.confirm(`${state.file} is not saved. Leave it?`)) {
    $("file").value = state.file;
    return;
  }
  dials.given = {};
  open($("file").value);
});
$("with").addEventListener("change", async () => {
  await compare();
  drawing.revealMarked();
});
$("depth").addEventListener("change", () => {
  state.opened.clear();
  state.closed.clear();
  refresh();
});
$("save").addEventListener("click", () => save());
$("format").addEventListener("click", () => format());
$("smaller").addEventListener("click", () => drawing.enlarge(1 / 1.2));
$("larger").addEventListener("click", () => drawing.enlarge(1.2));
$("fit").addEventListener("click", () => drawing.fit());

window.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    event.preventDefault();
    save();
  } else if (event.shiftKey && event.altKey && event.code === "KeyF") {
    event.preventDefault();
    format();
  } else if (event.key === "F8") {
    event.preventDefault();
    const mark = problems.after(editor.caret);
    if (mark) {
      editor.goTo(mark);
    }
  } else if (event.key === "Escape") {
    tip.hide();
  } else if ((event.ctrlKey || event.metaKey) && event.key === ".") {
    // The mend of the mistake at the caret, as in editors.
    const fix = problems.at(editor.caret)?.fixes[0];
    if (fix) {
      event.preventDefault();
      mend(fix);
    }
  }
});
window.addEventListener("beforeunload", (event) => {
  if (isChanged()) {
    event.preventDefault();
  }
});

splitter($("splitter"), document.querySelector("main"));
themes($("theme"));
dials.given = { ...begun.dials };
await open(begun.main);
setInterval(() => document.hidden || news(), NEWS);
document.addEventListener("visibilitychange", () => document.hidden || news());
news();
