// Requests to this server: writes with the page's mark, parts of pages, and a run's events.

export class Refused extends Error {
  constructor(error) {
    super(`${error.came}. Wanted: ${error.wanted}. To do: ${error.todo}.`);
  }
}

async function answer(response) {
  if (response.ok) return response;
  const told = await response.json().catch(() => null);
  throw told?.error ? new Refused(told.error) : new Error(`The server answered ${response.status}.`);
}

export async function post(url, body) {
  const headers = { "content-type": "application/json", "x-csrf": document.querySelector("meta[name=csrf]").content };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  return (await answer(response)).json();
}

export async function fill(place, url) {
  const response = await answer(await fetch(url));
  const made = new DOMParser().parseFromString(await response.text(), "text/html");
  place.replaceChildren(...document.adoptNode(made.body).childNodes);
}

// One stream, until the run has ended: `heard` gets every event, the last one is of the kind `status`.
export function follow(run, after, heard) {
  const source = new EventSource(`/api/runs/${encodeURIComponent(run)}/events?after=${after}`);
  source.addEventListener("message", (message) => {
    const event = JSON.parse(message.data);
    if (event.kind === "status") source.close();
    heard(event);
  });
  return source;
}
