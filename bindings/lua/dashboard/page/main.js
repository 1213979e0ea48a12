// SPDX-License-Identifier: MIT
// The dashboard: a topic of the address (#program/123), its events, and what is drawn of each. Tests read its state in
// window.manymoons.
"use strict";

(() => {
  const { byId, data } = Page;
  const LANE = 60, UNITS = ["B", "KiB", "MiB", "GiB"];
  const lanes = new Map(); // a worker → its states in the last seconds
  const state = { topic: "", events: null, count: 0, last: null };

  // ---- words

  function bytes(number) {
    if (number === undefined || number === null) return "";
    let unit = 0;
    while (number >= 1024 && unit < UNITS.length - 1) { number /= 1024; unit++; }
    return number.toFixed(number < 10 && unit ? 1 : 0) + " " + UNITS[unit];
  }
  const share = (part) => (part === undefined ? "" : Page.percent(part));
  const rate = (number) => (number === undefined ? "" : number.toFixed(number < 10 ? 1 : 0) + " /s");
  const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
  const time = (at) => (at ? new Date(at * 1000).toISOString().replace("T", " ").slice(0, 19) : "");
  const say = Page.makeSayer(byId("answer"));
  function answer(text, isWrong) {
    byId("answer").classList.toggle("wrong", Boolean(isWrong));
    say(text);
  }

  // ---- actions

  async function act(pool, action, id) {
    const reply = await fetch(`/pool/${encodeURIComponent(pool)}/${action}`, { method: "POST", body: id || "",
      headers: { "X-Manymoons-Key": data.key } });
    if (!reply.ok) alert(await reply.text());
  }

  function sure(question, ...words) { if (confirm(question)) act(...words); }

  async function showLetter(pool, id) {
    const reply = await fetch(`/pool/${encodeURIComponent(pool)}/letter/${encodeURIComponent(id)}`);
    if (!reply.ok) return alert(await reply.text());
    const letter = await reply.json();
    const fields = [["id", letter.id], ["task", letter.task || ""], ["function", letter.func],
      ["arguments", letter.arguments], ...letter.attempts.map((one, i) => [`attempt ${i + 1}`,
        `${time(one.at)}  ${one.who}  ${one.why}`])];
    byId("letter-fields").replaceChildren(...fields.flatMap(([name, text]) => [Page.cell("dt", name),
      Page.cell("dd", text)]));
    byId("letter-trace").textContent = letter.traceback + (letter.log ? "\n" + letter.log : "");
    byId("letter").showModal();
  }

  // ---- programs

  function drawPrograms({ programs }) {
    answer(programs.length ? `${count(programs.length, "program")} of this user run manymoons`
      : "no program of this user runs manymoons now");
    Lines.show(byId("figures"), []);
    Tables.show(byId("view"), [{ title: "Programs", heads: ["program", "PID", "processes", "workers", "queues", "memory"],
      rows: programs.map((one) => [{ text: one.command || "?", href: `#program/${one.pid}` }, one.pid, one.processes,
        one.workers, one.rings, bytes(one.resident)]) }]);
  }

  // What a lane shows of a worker at a look.
  function stateOf(worker) {
    if (worker.lock) return "lock";
    if (worker.state === "ran" || worker.state === "ready" || (worker.cpu || 0) > 0.5) return "runs";
    return "waits";
  }

  function laneOf(worker) {
    const key = `${worker.pid}/${worker.tid}/${worker.name}`, lane = lanes.get(key) || [];
    lanes.set(key, lane);
    lane.push(stateOf(worker));
    if (lane.length > LANE) lane.shift();
    return { lane, text: worker.name };
  }

  function place(call) { return call ? `${call.name || "?"} (${call.file}:${call.line})` : ""; }

  function lockOf({ lock }) {
    return lock ? lock.text + (lock.holder ? `, held by ${lock.holder}` : "") : "";
  }

  function drawProgram(program) {
    if (program.ended) {
      state.events.close();
      return answer("the program has ended", true);
    }
    const { workers } = program, cpu = workers.reduce((sum, one) => sum + (one.cpu || 0), 0);
    const calls = workers.reduce((sum, one) => sum + (one.calls_rate || 0), 0);
    const stuck = workers.filter((one) => one.lock).length;
    const processes = program.processes === 1 ? "1 process" : `${program.processes} processes`;
    answer(`${program.command}: ${count(workers.filter((one) => !one.is_main).length, "worker")} in ${processes}`
      + (stuck ? `, ${stuck} waiting for a lock or a queue` : ""));
    Lines.show(byId("figures"), [{ name: "processors in use", value: cpu, text: cpu.toFixed(2) },
      { name: "calls", value: calls, text: rate(calls) },
      { name: "memory", value: program.resident, text: bytes(program.resident) }]);
    Tables.show(byId("view"), [
      { title: "Workers", heads: ["worker", "last minute", "CPU", "busy", "calls", "memory", { text: "runs" }, { text: "waits for" }],
        rows: workers.map((one) => [one.name, laneOf(one), share(one.cpu), share(one.busy_share), rate(one.calls_rate),
          bytes(one.bytes), { text: place(one.call) }, { text: lockOf(one) }]) },
      { title: "Queues", heads: ["queue", "items", "put", "in all", "bytes", "limit"],
        rows: program.rings.map((one) => [one.purpose, one.depth, rate(one.rate), one.put, bytes(one.bytes),
          one.maxsize || ""]) }]);
  }

  // ---- pools

  function drawPools({ pools, server, trouble }) {
    if (trouble) return answer(`${server}: ${trouble}`, true);
    answer(`${count(pools.length, "pool")} on ${server}`);
    const sum = (field) => pools.reduce((all, one) => all + (one[field] || 0), 0);
    Lines.show(byId("figures"), [{ name: "waiting", value: sum("waiting"), text: sum("waiting") },
      { name: "running", value: sum("running"), text: sum("running") },
      { name: "done", value: sum("rate"), text: rate(sum("rate")) }]);
    Tables.show(byId("view"), [{ title: "Pools",
      heads: ["pool", "waiting", "running", "due later", "dead", "slots", "done", "state"],
      rows: pools.map((one) => [{ text: one.name, href: `#pool/${one.name}` }, one.waiting ?? "", one.running ?? "",
        one.due ?? "", one.dead ?? "", one.slots ?? "", rate(one.rate), one.trouble || (one.paused ? "paused" : "")]) }]);
  }

  const button = (key, text, act) => ({ key, text, act });

  function taskRows(pool, tasks) {
    const cancel = (one) => ({ buttons: one.id ? [button("cancel" + one.id, "Cancel",
      () => sure(`Cancel ${one.id}?`, pool.name, "cancel", one.id))] : [] });
    return tasks.map((one) => [one.id || one.entry, one.state, { text: one.func }, cancel(one)]);
  }

  function letterRow(pool, one) {
    return [one.id, time(one.at), { text: one.func }, { text: one.why }, { buttons: [
      button("show" + one.id, "Show", () => showLetter(pool.name, one.id)),
      button("retry" + one.id, "Retry", () => act(pool.name, "retry", one.id)),
      button("delete" + one.id, "Delete", () => sure(`Delete ${one.id}?`, pool.name, "delete", one.id))] }];
  }

  function drawPool(pool) {
    if (pool.trouble) return answer(`${pool.name}: ${pool.trouble}`, true);
    answer(`${pool.name}: ${pool.waiting} waiting, ${pool.running} running, ${pool.due} due later, ${pool.dead} dead; `
      + `${count(pool.workers.length, "worker")} with ${count(pool.slots, "slot")}${pool.paused ? "; paused" : ""}`);
    Lines.show(byId("figures"), [{ name: "waiting", value: pool.waiting, text: pool.waiting },
      { name: "running", value: pool.running, text: pool.running }, { name: "done", value: pool.rate, text: rate(pool.rate) },
      { name: "dead letters", value: pool.dead, text: pool.dead },
      { name: "99 % are done within", value: pool.p99 || 0, text: Page.formatSeconds(pool.p99 || 0) }]);
    Tables.show(byId("view"), [
      { title: "Pool", heads: ["pool", "the oldest waits", ""], rows: [[pool.name, Page.formatSeconds(pool.oldest || 0),
        { buttons: [pool.paused ? button("resume", "Resume", () => act(pool.name, "resume"))
          : button("pause", "Pause", () => act(pool.name, "pause"))] }]] },
      { title: "Workers", heads: ["worker", "slots", "running", "done", "failed", "lost", "rate", "99 %"],
        rows: pool.workers.map((one) => [one.name + (one.is_leaving ? " (leaves)" : ""), one.slots, one.running, one.tasks,
          one.failed ?? "", one.lost ?? "", rate(one.rate), Page.formatSeconds(one.p99 || 0)]) },
      { title: "Tasks", heads: ["task", "state", { text: "function" }, ""], rows: taskRows(pool, pool.tasks) },
      { title: "Dead letters", heads: ["letter", "at (UTC)", { text: "function" }, { text: "why" }, ""],
        rows: pool.letters.map((one) => letterRow(pool, one)) },
      { title: "Schedules", heads: ["schedule", "cron", "next (UTC)", { text: "function" }],
        rows: pool.schedules.map((one) => [one.name, one.cron, time(one.at), { text: one.label }]) }]);
  }

  // ---- topics

  const DRAW = { programs: drawPrograms, program: drawProgram, pools: drawPools, pool: drawPool };

  function drawTrail(topic) {
    const top = data.is_of_pools ? "pools" : "programs", trail = byId("trail");
    trail.replaceChildren();
    if (topic === top) return;
    const link = Page.cell("a", "all " + top);
    link.href = "#" + top;
    trail.append(link, " › " + topic.slice(topic.indexOf("/") + 1));
  }

  function open() {
    const topic = location.hash.slice(1) || data.first;
    if (topic === state.topic || !DRAW[topic.split("/")[0]]) return;
    state.events?.close();
    state.topic = topic;
    lanes.clear();
    Lines.forget();
    Lines.show(byId("figures"), []);
    Tables.show(byId("view"), []);
    drawTrail(topic);
    state.events = new EventSource("/events?topic=" + encodeURIComponent(topic));
    state.events.onmessage = (event) => {
      state.last = JSON.parse(event.data);
      state.count++;
      DRAW[topic.split("/")[0]](state.last);
    };
    state.events.onerror = () => answer("the dashboard does not answer; the page goes on when it does", true);
  }

  byId("letter-close").addEventListener("click", () => byId("letter").close());
  addEventListener("hashchange", open);
  open();
  window.manymoons = { state, data, theme: Page.themeName };
})();
