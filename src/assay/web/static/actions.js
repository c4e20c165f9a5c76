// Buttons that ask the server for something: data-post is where, data-body what. An answer with an address is gone
// to, unless the button has data-stay; what went wrong is told in the nearest [data-told].
import { Refused, send } from "./api.js";

const told = (button) => {
  for (let at = button; at; at = at.parentElement) {
    const found = at.querySelector("[data-told]");
    if (found) return found;
  }
  return null;
};

export function tell(button, words) {
  const place = told(button);
  if (!place) return;
  place.textContent = words;
  place.hidden = !words;
}

async function act(button) {
  button.disabled = true;
  tell(button, "");
  try {
    const answer = await send(button.dataset.post, JSON.parse(button.dataset.body ?? "{}"));
    if (answer.url && !("stay" in button.dataset)) location.assign(answer.url);
    else if (answer.cancelled === false) tell(button, "It is over already.");
    else {
      if (answer.cancelled) tell(button, "It is asked to stop. What had finished is kept.");
      button.dispatchEvent(new CustomEvent("acted", { bubbles: true }));
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tell(button, error.words);
    button.disabled = false;
  }
}

async function copy(button) {
  const words = button.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  } catch { // a page that was not loaded over a safe connection has no clipboard
    const place = document.querySelector(".command");
    if (!place) return;
    getSelection().selectAllChildren(place);
    place.scrollIntoView({ block: "center" });
    button.textContent = "Marked below: copy it";
  }
  setTimeout(() => { button.textContent = words; }, 2500);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if ("post" in button.dataset) act(button);
  else if ("copy" in button.dataset) copy(button);
});
