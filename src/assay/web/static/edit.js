// The form of a weight edit: the server says which field is wrong and how, while it is filled in.
import { tell } from "./actions.js";
import { Refused, send } from "./api.js";
import { Checked, number } from "./wrong.js";

const form = document.getElementById("edit");
const state = document.getElementById("state");
const FREE = ["prompt", "subject", "target", "model", "layer", "method", "variant", "generator"];
const OPTIONAL = ["old", "relation", "base_url", "sae"]; // empty: not given

function values() {
  const at = form.elements;
  const how = at.how.value;
  const seed = number(at.seed);
  return {
    ...Object.fromEntries(FREE.map((name) => [name, at[name].value])),
    ...Object.fromEntries(OPTIONAL.map((name) => [name, at[name].value.trim() || null])),
    seed: seed ?? 0,
    timeout: number(at.timeout),
    trace: at.trace.checked,
    bench: how !== "none",
    only: how === "some" ? [...form.querySelectorAll('[name="only"]:checked')].map((box) => box.value) : null,
  };
}

const checked = new Checked(form, "/api/edits/check", values);

document.getElementById("example").addEventListener("click", () => {
  for (const [name, value] of Object.entries(JSON.parse(form.dataset.example))) form.elements[name].value = value;
  tell(form, "");
  checked.check(checked.touched);
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = document.getElementById("ask");
  button.disabled = true;
  tell(form, "");
  state.textContent = "checking";
  try {
    const wrong = await checked.wrong();
    if (wrong) {
      state.textContent = `${wrong} to correct`;
      return;
    }
    const { url } = await send("/api/edits", values());
    state.textContent = "asked for";
    location.assign(url);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    state.textContent = "";
    tell(form, error.words);
  } finally {
    button.disabled = false;
  }
});
