// The client of the language server, and the diagram beside the text. `archlang lsp` and `archlang draw` do the work.

"use strict";

const { execFile } = require("node:child_process");
const path = require("node:path");
const vscode = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

let client;
const previews = new Map(); // by the address of the document

/** The command of archlang with further words behind it. */
function command(...words) {
  const [program, ...first] = vscode.workspace.getConfiguration("archlang").get("command", ["archlang"]);
  return { program, words: [...first, ...words] };
}

/** `--path FOLDER` for each folder of packages. */
function packages() {
  const folders = vscode.workspace.getConfiguration("archlang").get("path", []);
  return folders.flatMap((folder) => ["--path", folder]);
}

/** Start the server; say what is missing where it does not start. */
async function start() {
  const { program, words } = command("lsp", ...packages());
  const run = { command: program, args: words, transport: TransportKind.stdio };
  client = new LanguageClient("archlang", "archlang", { run, debug: run }, {
    documentSelector: [{ language: "arch" }],
    synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/*.arch") },
  });
  try {
    await client.start();
  } catch (problem) {
    const advice = "`pip install \"archlang[lsp]\"`, and the setting `archlang.command` where it is not on the PATH";
    vscode.window.showErrorMessage(`The language server did not start: ${problem.message}. It needs ${advice}.`);
  }
}

/** End the server if it runs. */
async function stop() {
  if (client !== undefined && client.isRunning()) {
    await client.stop();
  }
  client = undefined;
}

/** Draw a document as SVG. What is not saved goes in as a text, which cannot import the files beside it. */
function drawn(document) {
  const file = document.isDirty || document.isUntitled ? "-" : document.uri.fsPath;
  const { program, words } = command("draw", file, "-o", "-", "--to", "svg", ...packages());
  const options = { cwd: path.dirname(document.uri.fsPath), maxBuffer: 64 * 1024 * 1024, timeout: 60_000 };
  return new Promise((resolve, reject) => {
    const child = execFile(program, words, options, (problem, output, messages) => {
      if (problem) {
        reject(new Error(messages || problem.message));
      } else {
        resolve(output);
      }
    });
    child.stdin.on("error", () => {}); // it ended before it had read all; its exit status says why
    child.stdin.end(document.getText());
  });
}

/** The page of a diagram: it runs no script, so that nothing in a drawing can. */
function page(body) {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:";
  return `<!DOCTYPE html><html><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}">
<style>body { background: white; color: black; } svg { max-width: 100%; height: auto; }</style></head>
<body>${body}</body></html>`;
}

/** Draw a document into its preview; a text with mistakes leaves the last drawing there. */
async function redraw(document) {
  const panel = previews.get(document.uri.toString());
  if (panel === undefined) {
    return;
  }
  try {
    const picture = await drawn(document);
    panel.webview.html = page(picture.slice(Math.max(picture.indexOf("<svg"), 0)));
  } catch (problem) {
    if (panel.webview.html === "") {
      const shown = problem.message.replace(/&/g, "&amp;").replace(/</g, "&lt;");
      panel.webview.html = page(`<pre>${shown}</pre>`);
    }
  }
}

/** Open the diagram of the document at hand beside it. */
async function preview() {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined || editor.document.languageId !== "arch") {
    return;
  }
  const { document } = editor;
  const key = document.uri.toString();
  if (!previews.has(key)) {
    const title = `Diagram of ${path.basename(document.uri.fsPath)}`;
    const panel = vscode.window.createWebviewPanel("archlang.preview", title, vscode.ViewColumn.Beside, {});
    panel.onDidDispose(() => previews.delete(key));
    previews.set(key, panel);
  }
  await redraw(document);
}

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("archlang.preview", preview),
    vscode.commands.registerCommand("archlang.restart", async () => {
      await stop();
      await start();
    }),
    vscode.workspace.onDidSaveTextDocument(redraw),
  );
  await start();
}

async function deactivate() {
  await stop();
}

module.exports = { activate, deactivate };
