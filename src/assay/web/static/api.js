// Speaking with the server: writes that show the page's mark, and fragments that it rendered.

export class Refused extends Error {
  constructor(error) {
    super(error.came);
    this.error = error;
  }

  get words() {
    return [this.error.came, this.error.wanted && `wanted: ${this.error.wanted}`, this.error.todo && `to do: ${this.error.todo}`]
      .filter(Boolean).join(". ");
  }
}

const UNREACHED = { came: "the server did not answer", wanted: "a running server", todo: "start it again: assay ui" };
const mark = () => document.querySelector('meta[name="csrf"]');

const post = (path, body) => fetch(path, {
  method: "POST",
  headers: { "content-type": "application/json", accept: "application/json", "x-csrf": mark().content },
  body: JSON.stringify(body ?? {}),
});

// A server that was started again has given out another mark since this page was loaded.
async function renewed() {
  const page = await fragment(location.href);
  const fresh = page.querySelector('meta[name="csrf"]')?.content;
  if (!fresh || fresh === mark().content) return false;
  mark().content = fresh;
  return true;
}

export async function send(path, body) {
  let answer;
  try {
    answer = await post(path, body);
    if (answer.status === 403 && await renewed()) answer = await post(path, body);
  } catch {
    throw new Refused(UNREACHED);
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(told.error ?? { came: `the server answered ${answer.status}` });
  return told;
}

// A parsed document, in which no script runs.
export async function fragment(path) {
  const answer = await fetch(path, { headers: { accept: "text/html" } });
  if (!answer.ok) throw new Refused({ came: `the server answered ${answer.status}` });
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}
