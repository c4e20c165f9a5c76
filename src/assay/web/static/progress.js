// What is running, how far it is and about how long it will take, from a run's events.

const get = (id) => document.getElementById(id);
const stages = new Map();
let bench = null;
let began = performance.now();
let ticking = null;

function duration(seconds) {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

const STEPS = {
  run_started(data) {
    if (!data.versions) return; // only the first event of a sitting carries them
    began = performance.now();
    bench = null;
    stages.clear();
  },
  stage_started(data, at) {
    stages.set(data.stage, { title: data.title, done: 0, total: data.total, at, heard: performance.now(), left: null });
  },
  stage_progress(data, at) {
    const stage = stages.get(data.stage);
    if (!stage) return STEPS.stage_started(data, at);
    Object.assign(stage, { title: data.title ?? stage.title, done: data.done, total: data.total ?? stage.total, heard: performance.now() });
    const rate = (at - stage.at) / data.done;
    stage.left = data.seconds_left ?? (stage.total && data.done ? rate * (stage.total - data.done) / 1000 : null);
  },
  stage_finished(data) {
    stages.delete(data.stage);
  },
  bench_started(data) {
    bench = data.title;
  },
  bench_result() {
    bench = null;
  },
};

// The innermost stage is the one at work.
const current = () => [...stages.values()].at(-1);

function show() {
  const stage = current();
  const bar = get("bar");
  const counted = stage?.total > 1; // a bar of one step would stand empty until it is over
  if (stage || bench) get("doing").textContent = [bench, stage?.title].filter(Boolean).join(": ");
  get("count").textContent = counted ? `${stage.done} of ${stage.total}` : "";
  if (counted) {
    bar.max = stage.total;
    bar.value = stage.done;
  } else {
    bar.removeAttribute("value");
  }
}

function tick() {
  const moment = performance.now();
  get("elapsed").textContent = began === null ? "" : `running for ${duration((moment - began) / 1000)}`;
  const stage = current();
  const left = stage?.left == null ? null : Math.max(0, stage.left - (moment - stage.heard) / 1000);
  get("left").textContent = left === null ? "" : `· about ${duration(left)} left of this step`;
  for (const place of document.querySelectorAll("[data-left]")) {
    place.until ??= moment + 1000 * Number(place.dataset.left);
    const seconds = (place.until - moment) / 1000;
    place.textContent = seconds >= 1 ? `· about ${duration(seconds)} left` : "· almost done";
  }
}

export function hear(kind, data, at) {
  if (!(kind in STEPS)) return null;
  STEPS[kind](data, at);
  show();
  return kind === "stage_started" ? data.title : null;
}

export function start(elapsed, waits) {
  began = waits ? null : performance.now() - 1000 * elapsed;
  get("progress").hidden = false;
  tick();
  ticking ??= setInterval(tick, 1000);
}

export function stop() {
  clearInterval(ticking);
  ticking = null;
  get("progress").hidden = true;
}
