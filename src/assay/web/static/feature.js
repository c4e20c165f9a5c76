// One feature's page: what is asked for runs in the queue, and each panel is drawn by the server once it is there.

import { fragment, send } from "./api.js";
import { swap } from "./swap.js";
import { Checked, number } from "./wrong.js";

const root = document.getElementById("feature");
const { feature, sae } = root.dataset;
const api = `/api/features/${feature}`;
const query = `sae=${encodeURIComponent(sae)}`;

const fill = async (place, path) => swap(place, await fragment(path));
const words = (error) => error.words ?? error.message;

// One stream, until the run has ended: `heard` gets every event, the last one is of the kind `status`.
function follow(run, after, heard) {
  const source = new EventSource(`/api/runs/${encodeURIComponent(run)}/events?after=${after}`);
  source.addEventListener("message", (message) => {
    const event = JSON.parse(message.data);
    if (event.kind === "status") source.close();
    heard(event);
  });
  return source;
}

const IN_ADDRESS = { score: "run", text: "text", better: "better" }; // what the page's address calls each run

class Live {
  constructor(place, name, panels, ended = () => {}) {
    this.place = place;
    this.name = name;
    this.panels = panels;
    this.ended = ended;
    this.progress = place.querySelector(".progress");
    this.doing = place.querySelector(".doing");
    this.bar = place.querySelector("progress");
    this.said = place.querySelector(".said[role=alert]");
    this.cancelling = place.querySelector(".cancel");
    this.cancelling.addEventListener("click", () => this.cancel());
    this.run = place.dataset.run;
    this.going = false;
    this.asking = false;
    this.drawing = Promise.resolve();
    if (place.dataset.going === "true") this.listen(Number(place.dataset.after));
  }

  // Ask for what `ready` gives, unless that is null; what cannot be asked is said here. Whoever presses twice asks once.
  async ask(url, ready) {
    if (this.going || this.asking) return;
    this.asking = true;
    this.said.textContent = "";
    try {
      const body = await ready();
      if (body === null) return;
      const { run_id } = await send(url, body);
      this.source?.close();
      this.run = run_id;
      const address = new URL(location.href);
      address.searchParams.set(IN_ADDRESS[this.name], run_id);
      history.replaceState(null, "", address);
      await this.draw(["status", ...this.panels]);
      this.listen(-1);
    } catch (error) {
      this.said.textContent = words(error);
    } finally {
      this.asking = false;
    }
  }

  listen(after) {
    this.busy(true);
    this.source = follow(this.run, after, (event) => this.hear(event));
    this.source.addEventListener("error", () => this.going && this.tell("the connection was lost; trying again"));
  }

  hear({ kind, data }) {
    if (kind === "stage_started" || kind === "stage_progress") this.step(data);
    if (kind === "run_started") {
      this.tell("begun");
      this.draw(["status"]);
    }
    if (kind === "feature_scores") this.draw(this.panels.filter((panel) => panel in data));
    if (kind !== "status") return;
    this.busy(false);
    this.draw(["status", ...this.panels]); // verdicts are those of the reading, which came last
    this.ended();
  }

  step({ title, done, total }) {
    if (title) this.tell(title);
    if (total) {
      this.bar.max = total;
      this.bar.value = done ?? 0;
    } else this.bar.removeAttribute("value");
  }

  tell(words) {
    if (this.doing.textContent !== words) this.doing.textContent = words;
  }

  busy(now) {
    this.going = now;
    this.progress.hidden = !now;
    this.cancelling.disabled = false;
    if (now) this.tell("waiting for its turn");
    if (now) this.bar.removeAttribute("value");
    // Not disabled, or whoever pressed one with the keyboard would lose their place.
    for (const button of document.querySelectorAll(`[data-asks=${this.name}]`)) button.setAttribute("aria-disabled", now);
  }

  // One after another: what was asked for later also stands on the page later.
  draw(panels) {
    this.drawing = this.drawing.then(() => this.drawNow(panels));
    return this.drawing;
  }

  async drawNow(panels) {
    for (const panel of panels) {
      const place = this.place.querySelector(`[data-panel=${panel}]`);
      try {
        if (place) await fill(place, `/features/runs/${encodeURIComponent(this.run)}/panel/${panel}`);
      } catch (error) {
        this.said.textContent = words(error);
      }
    }
  }

  async cancel() {
    this.cancelling.disabled = true;
    this.tell("stopping");
    try {
      await send(`/api/runs/${encodeURIComponent(this.run)}/cancel`, {});
    } catch (error) {
      this.said.textContent = words(error);
    }
  }
}

const said = document.getElementById("label-said");
const place = (name) => root.querySelector(`[data-live=${name}]`);
const scores = new Live(place("score"), "score", ["reading", "interp", "purity", "mui"]);
const texts = new Live(place("text"), "text", ["text"]);
const better = new Live(place("better"), "better", ["better"], () => labels().catch((error) => { said.textContent = words(error); }));

// A form that may name a language model in its field `name`; empty, and shut, it asks for what needs none.
class Writer {
  constructor(form, name, path, ask) {
    this.form = form;
    this.name = name;
    this.checked = new Checked(form, `${path}/check`, () => this.values());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask();
    });
    form.addEventListener("input", () => this.named());
    this.named(); // a browser may have kept what was typed before a reload
  }

  values() {
    const at = this.form.elements;
    const given = { [this.name]: at[this.name].value.trim() || null, base_url: at.base_url.value.trim() || null, timeout: number(at.timeout), seed: number(at.seed) };
    return { sae, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)) };
  }

  // What is filled in counts also while it is folded away, so it is said there.
  named() {
    const name = this.form.elements[this.name].value.trim();
    this.form.querySelector("[data-writer]").textContent = name && `: ${name}`;
  }

  // What to ask with; null while something in it is wrong.
  async ready() {
    const asked = this.values();
    const plain = Object.keys(asked).length === 1 && !this.form.querySelector("[aria-invalid]");
    return plain || !await this.checked.wrong() ? asked : null;
  }
}

const scoring = document.getElementById("score-form");
const sentences = scoring && new Writer(scoring, "sentences", `${api}/score`, () => score(null));

async function score(label) {
  document.getElementById("scores").scrollIntoView({ block: "start" });
  await scores.ask(`${api}/score`, async () => {
    const asked = await sentences.ready();
    return asked && { ...asked, label };
  });
}

const labelling = new Writer(document.getElementById("better-form"), "generator", `${api}/relabel`, () => better.ask(`${api}/relabel`, () => labelling.ready()));

document.getElementById("text-form").addEventListener("submit", (event) => {
  event.preventDefault();
  texts.ask(`${api}/text`, () => ({ sae, text: document.getElementById("text").value }));
});

// Its labels as they are now, the newest also in the page's heading.
async function labels() {
  await fill(document.getElementById("labels"), `/features/${feature}/labels?${query}`);
  const now = document.querySelector("#labels .label-now bdi");
  document.getElementById("title").textContent = now?.textContent ?? "";
}

let keeping = false; // whoever presses twice keeps it once

async function keep(label) {
  await send(`${api}/label`, { sae, label });
  await labels();
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.asks = "score";
  button.textContent = "Score it live";
  button.addEventListener("click", () => score(null));
  said.replaceChildren("Kept on top of the others. The table of all features keeps the old one until all are scored again. ");
  if (document.getElementById("score")) said.append(button);
}

document.getElementById("label-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const label = document.getElementById("label").value;
  if (event.submitter?.dataset.does === "try") {
    await score(label);
    return;
  }
  if (keeping) return;
  keeping = true;
  said.textContent = "";
  try {
    await keep(label);
  } catch (error) {
    said.textContent = words(error);
  } finally {
    keeping = false;
  }
});
