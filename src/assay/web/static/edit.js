// The form of a weight edit: the server says which field is wrong and how, while it is filled in.
import { tell } from "./actions.js";
import { Refused, send } from "./api.js";

const PAUSE = 350; // ms after the last key until the form is checked
const form = document.getElementById("edit");
const state = document.getElementById("state");
const FREE = ["prompt", "subject", "target", "model", "layer", "method", "variant", "generator"];
const OPTIONAL = ["old", "relation", "base_url", "sae"]; // empty: not given
const touched = new Set();

function values() {
  const at = form.elements;
  const how = at.how.value;
  const typed = (box) => (box.validity.badInput ? "not a number" : box.value.trim());
  const seed = typed(at.seed);
  const timeout = typed(at.timeout);
  return {
    ...Object.fromEntries(FREE.map((name) => [name, at[name].value])),
    ...Object.fromEntries(OPTIONAL.map((name) => [name, at[name].value.trim() || null])),
    seed: seed === "" ? 0 : /^\d+$/.test(seed) ? Number(seed) : seed,
    timeout: timeout === "" ? null : Number.isFinite(Number(timeout)) ? Number(timeout) : timeout,
    trace: at.trace.checked,
    bench: how !== "none",
    only: how === "some" ? [...form.querySelectorAll('[name="only"]:checked')].map((box) => box.value) : null,
  };
}

function words(problem) {
  const sentence = (text) => text && text.charAt(0).toUpperCase() + text.slice(1);
  return `${sentence(problem.came)}. Wanted: ${problem.wanted}. To do: ${problem.todo}.`;
}

function show(problems, fields) {
  for (const place of form.querySelectorAll("[data-field]")) {
    const name = place.dataset.field;
    const problem = fields === null || fields.has(name) ? problems[name] : undefined;
    const wrong = document.getElementById(`f-${name}-wrong`);
    const control = place.matches("fieldset") ? place : place.querySelector("input, select");
    if (!wrong || !control) continue;
    wrong.hidden = !problem;
    wrong.textContent = problem ? words(problem) : "";
    if (problem) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
}

// Only the newest answer counts; a body that cannot be read at all names its field, too.
let asked = 0;
async function check(fields) {
  const mine = ++asked;
  let problems;
  try {
    ({ problems } = await send("/api/edits/check", values()));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (!error.error.field) return null;
    problems = { [error.error.field.split(".")[0]]: error.error };
  }
  if (mine === asked) show(problems, fields);
  return problems;
}

let timer = null;
function later() {
  clearTimeout(timer);
  timer = setTimeout(check, PAUSE, touched);
}

const fieldOf = (event) => event.target.closest("[data-field]")?.dataset.field;

form.addEventListener("input", later);
form.addEventListener("focusout", (event) => {
  const name = fieldOf(event);
  if (!name || (name === "only" && event.relatedTarget?.closest('[data-field="only"]'))) return;
  touched.add(name);
  clearTimeout(timer);
  check(touched);
});

document.getElementById("example").addEventListener("click", () => {
  for (const [name, value] of Object.entries(JSON.parse(form.dataset.example))) form.elements[name].value = value;
  tell(form, "");
  check(touched);
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearTimeout(timer);
  const button = document.getElementById("ask");
  for (const place of form.querySelectorAll("[data-field]")) touched.add(place.dataset.field);
  button.disabled = true;
  tell(form, "");
  state.textContent = "checking";
  try {
    const problems = await check(null);
    const first = problems && form.querySelector('[aria-invalid="true"]');
    if (first) {
      state.textContent = `${Object.keys(problems).length} to correct`;
      first.closest("details")?.setAttribute("open", "");
      (first.matches("fieldset") ? first.querySelector("input:checked") : first).focus();
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
