// Questions to the server. Each is a JSON document that is sent to `ask/NAME`, below the address of the page.

// Thrown where no answer comes: the server has ended, or the computer sleeps.
export class SilentError extends Error {}

// The name of this page among all that are open.
const client = Math.random().toString(36).slice(2);
let number = 0;

// Ask a question. The answer has `problem` where the server refuses, and `outdated` where a newer one was asked.
export async function ask(name, question = {}) {
  try {
    const reply = await fetch(`ask/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(question),
    });
    return await reply.json();
  } catch {
    throw new SilentError("the server does not answer");
  }
}

// Ask for the view of a text. Only the newest of these questions is answered: others are taken back.
export async function look(question) {
  number += 1;
  const mine = number;
  const answer = await ask("look", { ...question, client, number: mine });
  if (answer.outdated || mine !== number) {
    return null;
  }
  return answer;
}
