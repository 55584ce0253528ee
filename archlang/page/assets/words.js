// The words of a text by kind, for colours while one types. The compiler's own word comes later, with the mistakes.

const PATTERN = new RegExp(
  [
    String.raw`(?<comment>#.*)`,
    String.raw`(?<doc>""")`,
    String.raw`(?<string>"(?:[^"\\]|\\.)*"?)`,
    String.raw`(?<number>\d[\w.]*(?:e[+-]?\d+)?)`,
    String.raw`(?<name>[\p{L}_][\p{L}\p{N}_]*)`,
    String.raw`(?<arrow>->)`,
    String.raw`(?<space>\s+)`,
    String.raw`(?<sign>.)`,
  ].join("|"),
  "gu",
);

// Makes the parts of a line: its kind, its text, and the unit at which it begins.
export class Words {
  constructor(lists) {
    this.kinds = new Map();
    for (const [kind, names] of Object.entries(lists)) {
      for (const name of names) {
        this.kinds.set(name, kind);
      }
    }
  }

  // `inDoc` tells whether the line begins inside a doc string. Returns its parts, and the same for the next line.
  parts(line, inDoc) {
    const found = [];
    let at = 0;
    if (inDoc) {
      const end = line.indexOf('"""');
      if (end < 0) {
        return [[{ kind: "string", text: line, at: 0 }], true];
      }
      at = end + 3;
      found.push({ kind: "string", text: line.slice(0, at), at: 0 });
    }

    PATTERN.lastIndex = at;
    for (let match = PATTERN.exec(line); match; match = PATTERN.exec(line)) {
      const [kind, text] = Object.entries(match.groups).find(([, value]) => value !== undefined);
      if (kind === "doc") {
        const end = line.indexOf('"""', match.index + 3);
        if (end < 0) {
          found.push({ kind: "string", text: line.slice(match.index), at: match.index });
          return [found, true];
        }
        found.push({ kind: "string", text: line.slice(match.index, end + 3), at: match.index });
        PATTERN.lastIndex = end + 3;
      } else {
        found.push({ kind: this.kind(kind, text), text, at: match.index });
      }
    }
    return [found, false];
  }

  kind(kind, text) {
    if (kind === "name") {
      return this.kinds.get(text) ?? "name";
    }
    return kind;
  }
}
