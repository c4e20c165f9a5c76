// A stored edit into a model folder: asked for as a job, whose page then shows how it goes.
import { tell } from "./actions.js";
import { Refused, send } from "./api.js";

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form.merge")) return;
  event.preventDefault();
  const button = form.querySelector("button");
  const { do: what, folder } = form.elements;
  button.disabled = true;
  tell(form, "");
  try {
    const answer = await send(`/api/edits/${encodeURIComponent(form.dataset.run)}/merge`, { do: what.value, folder: folder.value });
    location.assign(answer.url);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tell(form, error.words);
    folder.focus();
  } finally {
    button.disabled = false;
  }
});
