// A form whose fields the server checks while they are filled in; what is wrong with one stands beside it.
import { Refused, send } from "./api.js";

const PAUSE = 350; // ms after the last key until the form is checked

// What was typed into a box for numbers: a number, null for nothing, else words that the server turns away.
export function number(box) {
  const typed = box.validity.badInput ? "not a number" : box.value.trim();
  if (typed === "") return null;
  return Number.isFinite(Number(typed)) ? Number(typed) : typed;
}

function words(problem) {
  const sentence = (text) => text && text.charAt(0).toUpperCase() + text.slice(1);
  return `${sentence(problem.came)}. Wanted: ${problem.wanted}. To do: ${problem.todo}.`;
}

function inWindow(control) {
  const box = control.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight;
}

export class Checked {
  constructor(form, path, values) {
    this.form = form;
    this.path = path;
    this.values = values;
    this.touched = new Set();
    this.asked = 0;
    this.timer = null;
    form.addEventListener("input", () => this.later());
    form.addEventListener("focusout", (event) => this.left(event));
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check(this.touched), PAUSE);
  }

  left(event) {
    const place = event.target.closest("[data-field]");
    if (!place || (place.matches("fieldset") && place.contains(event.relatedTarget))) return;
    this.touched.add(place.dataset.field);
    clearTimeout(this.timer);
    this.check(this.touched);
  }

  // Words that unfold above the field being filled in push it down: it stays in the window if it was there.
  show(problems, fields) {
    const filled = document.activeElement;
    const seen = this.form.contains(filled) && inWindow(filled);
    for (const place of this.form.querySelectorAll("[data-field]")) {
      const name = place.dataset.field;
      const problem = fields === null || fields.has(name) ? problems[name] : undefined;
      const wrong = place.querySelector(".wrong");
      const control = place.matches("fieldset") ? place : place.querySelector("input, select");
      if (!wrong || !control) continue;
      wrong.hidden = !problem;
      wrong.textContent = problem ? words(problem) : "";
      if (problem) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    }
    if (seen) filled.scrollIntoView({ block: "nearest" });
  }

  // Only the newest answer counts; a body that cannot be read at all names its field, too.
  async check(fields) {
    const mine = ++this.asked;
    let problems;
    try {
      ({ problems } = await send(this.path, this.values()));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (!error.error.field) return null;
      problems = { [error.error.field.split(".")[0]]: error.error };
    }
    if (mine === this.asked) this.show(problems, fields);
    return problems;
  }

  // All fields before something is asked for: the number of those that are wrong, the first of which gets the focus.
  async wrong() {
    clearTimeout(this.timer);
    for (const place of this.form.querySelectorAll("[data-field]")) this.touched.add(place.dataset.field);
    const problems = await this.check(null);
    const first = problems && this.form.querySelector('[aria-invalid="true"]');
    if (!first) return 0;
    first.closest("details")?.setAttribute("open", "");
    (first.matches("fieldset") ? first.querySelector("input:checked") : first).focus();
    return Object.keys(problems).length;
  }
}
