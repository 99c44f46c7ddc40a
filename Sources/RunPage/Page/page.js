// The page of a run. Everything comes by one stream of events, so that a browser's few connections are left for pictures.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";

  // MARK: Elements

  function set(element, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) element.removeAttribute(name);
      else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
    }
    return element;
  }
  function make(tag, attributes = {}, ...children) {
    const element = set(document.createElement(tag), attributes);
    element.append(...children);
    return element;
  }
  function draw(tag, attributes = {}, ...children) {
    const element = set(document.createElementNS(SVG, tag), attributes);
    element.append(...children);
    return element;
  }
  // What has not changed is not touched: a screen reader and a selection stay where they are.
  function say(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  // MARK: Words for numbers

  const grouped = (number) => Math.round(number).toString().replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
  function short(number) {
    if (!Number.isFinite(number)) return "";
    const size = Math.abs(number);
    if (size >= 1e9) return `${+(number / 1e9).toPrecision(3)}G`;
    if (size >= 1e6) return `${+(number / 1e6).toPrecision(3)}M`;
    if (size >= 1e4) return `${+(number / 1e3).toPrecision(3)}k`;
    if (size >= 100) return String(+number.toPrecision(4));
    return String(+number.toPrecision(3));
  }
  const rate = (number) => (number === null ? "" : `${number >= 100 ? short(Math.round(number)) : +number.toFixed(1)}/s`);
  function time(seconds) {
    if (seconds === undefined || seconds === null) return "";
    if (seconds <= 0) return "0";
    if (seconds < 1e-6) return `${Math.round(seconds * 1e9)} ns`;
    if (seconds < 1e-3) return `${+(seconds * 1e6).toPrecision(3)} µs`;
    if (seconds < 1) return `${+(seconds * 1e3).toPrecision(3)} ms`;
    if (seconds < 120) return `${+seconds.toPrecision(3)} s`;
    return clock(seconds);
  }
  function clock(seconds) {
    const whole = Math.floor(seconds), two = (n) => String(n).padStart(2, "0");
    return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  }
  const total = (counts) => Object.values(counts || {}).reduce((sum, count) => sum + count, 0);
  const reasons = (counts) => Object.entries(counts).filter(([, n]) => n > 0).map(([why, n]) => `${why} ${grouped(n)}`).join(", ");
  const byDesign = ["not_chosen", "skipped", "rate"];
  // "camera.frames -> fit.in" leads to "fit".
  const takerOf = (link) => link.split(" -> ").pop().split(".")[0];

  // MARK: Copies of a stage, of a link, taken together

  const weights = ["ended", "running", "blocked", "stalled", "restarting", "failed"];
  function sum(into, from, keys) {
    for (const key of keys) if (from[key] !== undefined) into[key] = (into[key] || 0) + from[key];
    for (const [why, n] of Object.entries(from.dropped || {})) into.dropped[why] = (into.dropped[why] || 0) + n;
  }
  // Of several copies the slowest is shown: a person looks for what is wrong.
  const slower = (a, b) => (!a ? b : !b ? a : a.p99 >= b.p99 ? a : b);
  function together(numbers) {
    const stages = new Map(), links = new Map(), paths = new Map();
    for (const stage of numbers.stages) {
      const known = stages.get(stage.name);
      if (!known) { stages.set(stage.name, { ...stage, dropped: { ...stage.dropped } }); continue; }
      sum(known, stage, ["in", "out", "made", "done", "failed", "held", "restarts"]);
      if (weights.indexOf(stage.state) > weights.indexOf(known.state)) known.state = stage.state;
      known.wait = slower(known.wait, stage.wait);
      known.service = slower(known.service, stage.service);
      known.failure = known.failure || stage.failure;
    }
    for (const link of numbers.links) {
      const known = links.get(link.name);
      if (!known) links.set(link.name, { ...link, dropped: { ...link.dropped } });
      else sum(known, link, ["in", "out", "held", "capacity"]);
    }
    for (const path of numbers.paths) {
      const [source, sink] = [path.source.split("/")[0], path.sink.split("/")[0]];
      const name = `${source} → ${sink}`, known = paths.get(name);
      if (!known) paths.set(name, { name, latency: path.latency });
      else known.latency = slower(known.latency, path.latency);
    }
    const queues = new Map();
    for (const link of links.values()) {
      const queue = queues.get(takerOf(link.name)) || { held: 0, capacity: 0, dropped: {} };
      sum(queue, link, ["held", "capacity"]);
      queues.set(takerOf(link.name), queue);
    }
    return { seconds: numbers.seconds, stages, links, paths, queues };
  }

  // MARK: The graph, drawn

  const box = { width: 176, height: 66, across: 74, along: 26 };

  // Stages in layers, each behind all that feed it; links over several layers pass through places of their own, so that
  // they cross no box. A link that closes a loop is turned around for the drawing.
  function layers(graph) {
    const kinds = new Map(graph.stages.map((stage) => [stage.name, stage]));
    const out = new Map(graph.stages.map((stage) => [stage.name, []]));
    for (const link of graph.links) out.get(link.from).push(link);
    const state = new Map(), backward = new Set(), order = [];
    const visit = (first) => {
      const stack = [[first, 0]];
      state.set(first, 1);
      while (stack.length) {
        const top = stack[stack.length - 1], next = out.get(top[0])[top[1]++];
        if (!next) { state.set(top[0], 2); order.push(top[0]); stack.pop(); continue; }
        if (state.get(next.to) === 1) backward.add(next);
        else if (!state.has(next.to)) { state.set(next.to, 1); stack.push([next.to, 0]); }
      }
    };
    for (const stage of graph.stages) if (!state.has(stage.name)) visit(stage.name);
    order.reverse();
    const layer = new Map(order.map((name) => [name, 0]));
    for (const name of order) {
      for (const link of out.get(name)) if (!backward.has(link)) layer.set(link.to, Math.max(layer.get(link.to), layer.get(name) + 1));
    }
    const rows = [];
    const place = (name, level) => { (rows[level] = rows[level] || []).push(name); };
    for (const stage of graph.stages) place(stage.name, layer.get(stage.name));
    const edges = graph.links.map((link, index) => {
      const turned = backward.has(link) || layer.get(link.from) > layer.get(link.to);
      const [from, to] = turned ? [link.to, link.from] : [link.from, link.to];
      const via = [from];
      for (let level = layer.get(from) + 1; level < layer.get(to); level++) {
        const name = `\u0000${index}/${level}`;
        place(name, level);
        via.push(name);
      }
      via.push(to);
      return { link, via, turned };
    });
    const neighbours = new Map();
    for (const { via } of edges) {
      for (let i = 1; i < via.length; i++) {
        for (const [a, b] of [[via[i - 1], via[i]], [via[i], via[i - 1]]]) neighbours.set(a, [...(neighbours.get(a) || []), b]);
      }
    }
    for (let sweep = 0; sweep < 8; sweep++) {
      const at = new Map(rows.flatMap((row) => row.map((name, i) => [name, (i + 0.5) / row.length])));
      for (const row of rows) {
        const mean = (name) => {
          const near = neighbours.get(name) || [];
          return near.length ? near.reduce((s, n) => s + at.get(n), 0) / near.length : at.get(name);
        };
        row.sort((a, b) => mean(a) - mean(b));
      }
    }
    return { rows, edges, kinds };
  }

  let drawing = null;
  function drawGraph(graph) {
    const card = byId("graph-card"), isNarrow = card.clientWidth < 620;
    const { rows, edges, kinds } = layers(graph);
    const isReal = (name) => kinds.has(name);
    // A place of a passing link is thin.
    const breadth = (name) => (isReal(name) ? (isNarrow ? box.width : box.height) : 12) + box.along;
    const longest = Math.max(...rows.map((row) => row.reduce((s, n) => s + breadth(n), 0)));
    const step = isNarrow ? box.height + 44 : box.width + box.across;
    const at = new Map();
    rows.forEach((row, level) => {
      let place = (longest - row.reduce((s, n) => s + breadth(n), 0)) / 2;
      for (const name of row) {
        const middle = place + breadth(name) / 2;
        at.set(name, isNarrow ? { x: middle, y: 20 + level * step + box.height / 2 } : { x: 20 + level * step + box.width / 2, y: 14 + middle });
        place += breadth(name);
      }
    });
    const width = isNarrow ? longest : 40 + (rows.length - 1) * step + box.width;
    const height = isNarrow ? 40 + (rows.length - 1) * step + box.height : longest + 28;
    const svg = draw("svg", { class: "graph", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `${graph.stages.length} stages and ${graph.links.length} links: ${graph.links.slice(0, 12).map((l) => `${l.from} to ${l.to}`).join(", ")}` });
    // A graph that is a little too wide is made smaller, and one that is much too wide is scrolled.
    if (width > card.clientWidth - 4 && width < card.clientWidth * 1.5) set(svg, { width: card.clientWidth - 4, height: (height * (card.clientWidth - 4)) / width });
    const tips = draw("defs");
    for (const kind of ["", "drops"]) {
      tips.append(draw("marker", { id: `tip${kind}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" }, draw("path", { d: "M0 0 8 4 0 8z", class: `tip ${kind}` })));
    }
    svg.append(tips);
    drawing = { stages: new Map(), links: new Map(), svg };
    for (const { link, via, turned } of edges) {
      const points = via.map((name, i) => {
        const { x, y } = at.get(name);
        if (!isReal(name)) return { x, y };
        const side = i === 0 ? 1 : -1;
        return isNarrow ? { x, y: y + (side * box.height) / 2 } : { x: x + (side * box.width) / 2, y };
      });
      let path = `M${points[0].x} ${points[0].y}`;
      for (let i = 1; i < points.length; i++) {
        const [a, b] = [points[i - 1], points[i]];
        path += isNarrow ? `C${a.x} ${(a.y + b.y) / 2} ${b.x} ${(a.y + b.y) / 2} ${b.x} ${b.y}` : `C${(a.x + b.x) / 2} ${a.y} ${(a.x + b.x) / 2} ${b.y} ${b.x} ${b.y}`;
      }
      const drops = link.may_drop ? "drops" : "";
      const line = draw("path", { d: path, class: `edge ${drops}`, [turned ? "marker-start" : "marker-end"]: `url(#tip${drops})` });
      line.append(draw("title", {}, `${link.name}: ${link.payload}, holds ${link.capacity}, ${link.when_full}`));
      const [a, b] = [points[points.length - 2], points[points.length - 1]];
      const label = draw("text", { class: "lostlabel", "text-anchor": "middle", x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 - 7 });
      svg.append(line, label);
      drawing.links.set(link.name, { label });
    }
    for (const stage of graph.stages) {
      const { x, y } = at.get(stage.name), left = x - box.width / 2, top = y - box.height / 2;
      const more = (stage.stations ? ` · ${stage.stations.length} stations` : "") + (stage.replicas ? ` × ${stage.replicas}` : "");
      const fit = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
      const group = draw("g", { class: stage.kind });
      const parts = {
        group,
        type: draw("text", { class: "type", x: left + 13, y: top + 40 }),
        rate: draw("text", { class: "rate", x: left + box.width - 13, y: top + 22, "text-anchor": "end" }),
        queue: draw("rect", { class: "queue", x: left + 13, y: top + box.height - 13, height: 4, rx: 2, width: 0 }),
        plain: fit(stage.type + more, 24), kind: stage.kind, room: box.width - 26,
      };
      group.append(draw("title", {}, `${stage.name}: ${stage.description}`), draw("rect", { class: "box", x: left, y: top, width: box.width, height: box.height, rx: 10 }), draw("text", { class: "name", x: left + 13, y: top + 22 }, fit(stage.name, 15)), parts.type, parts.rate);
      if (stage.kind !== "source") group.append(draw("rect", { class: "track", x: left + 13, y: top + box.height - 13, width: parts.room, height: 4, rx: 2 }), parts.queue);
      svg.append(group);
      drawing.stages.set(stage.name, parts);
    }
    card.replaceChildren(svg);
  }

  function updateGraph(now, rates) {
    if (!drawing) return;
    for (const [name, parts] of drawing.stages) {
      const stage = now.stages.get(name);
      if (!stage) continue;
      const isIll = ["failed", "restarting", "stalled"].includes(stage.state);
      set(parts.group, { class: `${parts.kind}${isIll ? " ill" : ""}${stage.state === "ended" ? " ended" : ""}` });
      say(parts.type, isIll || stage.state === "ended" || stage.state === "blocked" ? stage.state : parts.plain);
      say(parts.rate, stage.state === "ended" ? "" : rate(rates.get(name) ?? null));
      const queue = now.queues.get(name), share = queue && queue.capacity ? Math.min(1, queue.held / queue.capacity) : 0;
      set(parts.queue, { width: (parts.room * share).toFixed(1), class: share > 0.5 ? "queue high" : "queue" });
    }
    for (const [name, parts] of drawing.links) {
      const link = now.links.get(name), lost = link ? total(link.dropped) : 0;
      say(parts.label, lost > 0 ? `−${short(lost)}` : "");
    }
  }

  // MARK: Curves

  function ticks(low, high, count) {
    const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) || rough;
    const found = [];
    for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) found.push(+value.toPrecision(12));
    return found;
  }
  // Points in order of time. Of many in one column of the picture the least and the most are drawn, so that no peak is lost.
  function thinned(points, columns, from, to) {
    if (points.length <= 2 * columns) return points;
    const kept = [];
    let column = -1, least = null, most = null;
    const flush = () => { if (least) kept.push(...(least[0] <= most[0] ? [least, most] : [most, least])); };
    for (const point of points) {
      const mine = Math.floor(((point[0] - from) / (to - from)) * columns);
      if (mine !== column) { flush(); column = mine; least = most = point; }
      else { if (point[1] < least[1]) least = point; if (point[1] > most[1]) most = point; }
    }
    flush();
    return kept;
  }
  function spark(svg, values) {
    if (values.length < 2) return;
    const low = Math.min(0, ...values), high = Math.max(...values, low + 1e-9);
    const x = (i) => (i / (values.length - 1)) * 100, y = (v) => 28 - ((v - low) / (high - low)) * 26;
    const line = values.map((v, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join("");
    set(svg.children[0], { d: `${line}L100 30L0 30z` });
    set(svg.children[1], { d: line });
  }
  const newSpark = () => draw("svg", { class: "plot spark", viewBox: "0 0 100 30", preserveAspectRatio: "none", "aria-hidden": "true" }, draw("path", { class: "area" }), draw("path", { class: "line" }));

  class Curve {
    constructor(name, number) {
      this.now = make("span", { class: "now" });
      this.range = make("span");
      this.svg = draw("svg", { class: `plot k${number % 6}`, role: "img" });
      this.element = make("figure", { class: "curve" }, make("figcaption", {}, make("b", {}, name), make("span", {}, this.now, " ", this.range)), this.svg);
      this.name = name;
      this.points = [];
      this.pointer = null;
      this.svg.addEventListener("pointermove", (event) => { this.pointer = event.offsetX; this.draw(); });
      this.svg.addEventListener("pointerleave", () => { this.pointer = null; this.draw(); });
    }
    show(points, from, to) {
      [this.points, this.from, this.to] = [points.filter((p) => p[0] >= from), from, to];
      this.draw();
    }
    draw() {
      const { points, from, to, svg } = this, width = svg.clientWidth, height = svg.clientHeight;
      if (!width || !(to > from)) return;
      if (!points.length) { say(this.now, "no points"); say(this.range, ""); svg.replaceChildren(); return; }
      let [low, high] = points.reduce(([a, b], p) => [Math.min(a, p[1]), Math.max(b, p[1])], [Infinity, -Infinity]);
      const last = points[points.length - 1][1];
      say(this.now, short(last));
      say(this.range, `from ${short(low)} to ${short(high)}`);
      set(svg, { viewBox: `0 0 ${width} ${height}`, "aria-label": `${this.name}: now ${short(last)}, from ${short(low)} to ${short(high)}` });
      if (high - low < 1e-9 * Math.max(1, Math.abs(high))) [low, high] = [low - (Math.abs(low) * 0.05 || 1), high + (Math.abs(high) * 0.05 || 1)];
      const pad = (high - low) * 0.08;
      [low, high] = [low - pad, high + pad];
      const left = 46, bottom = height - 16, x = (t) => left + ((t - from) / (to - from)) * (width - left - 4), y = (v) => 4 + (1 - (v - low) / (high - low)) * (bottom - 4);
      const parts = [];
      for (const value of ticks(low, high, 3)) {
        parts.push(draw("line", { class: "grid", x1: left, x2: width, y1: y(value), y2: y(value) }));
        parts.push(draw("text", { class: "tick", x: left - 6, y: y(value) + 3.5, "text-anchor": "end" }, short(value)));
      }
      const span = to - from;
      for (const back of [span, span / 2]) parts.push(draw("text", { class: "tick", x: x(to - back), y: height - 3 }, `−${back >= 120 ? `${+(back / 60).toFixed(1)} min` : `${back} s`}`));
      parts.push(draw("text", { class: "tick", x: width - 4, y: height - 3, "text-anchor": "end" }, "now"));
      // A hole in time is a hole in the curve: three times the usual step without a point.
      const kept = thinned(points, width - left, from, to), steps = kept.slice(1).map((p, i) => p[0] - kept[i][0]).sort((a, b) => a - b);
      const gap = Math.max(3 * (steps[Math.floor(steps.length / 2)] || 0), 1.5);
      let line = "", area = "", begin = null;
      kept.forEach((p, i) => {
        const isNew = i === 0 || p[0] - kept[i - 1][0] > gap, at = `${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`;
        if (isNew && begin !== null) area += `L${x(kept[i - 1][0]).toFixed(1)} ${bottom}L${begin} ${bottom}z`;
        if (isNew) begin = x(p[0]).toFixed(1);
        line += `${isNew ? "M" : "L"}${at}`;
        area += `${isNew ? "M" : "L"}${at}`;
      });
      area += `L${x(kept[kept.length - 1][0]).toFixed(1)} ${bottom}L${begin} ${bottom}z`;
      parts.push(draw("path", { class: "area", d: area }), draw("path", { class: "line", d: line }));
      const end = kept[kept.length - 1];
      parts.push(draw("circle", { class: "point", cx: x(end[0]), cy: y(end[1]), r: 2.8 }));
      if (this.pointer !== null && this.pointer >= left) {
        const when = from + ((this.pointer - left) / (width - left - 4)) * span;
        const near = points.reduce((a, b) => (Math.abs(b[0] - when) < Math.abs(a[0] - when) ? b : a));
        parts.push(draw("line", { class: "cursor", x1: x(near[0]), x2: x(near[0]), y1: 4, y2: bottom }), draw("circle", { class: "point", cx: x(near[0]), cy: y(near[1]), r: 4 }));
        say(this.now, short(near[1]));
        say(this.range, new Date(near[0] * 1000).toLocaleTimeString());
      }
      svg.replaceChildren(...parts);
    }
  }

  // MARK: Views

  const views = new Map(), mostPoints = 4000, livePictures = 4;
  class View {
    constructor(panel) {
      this.kind = panel.kind;
      this.key = panel.series.join("\u0000");
      this.name = panel.name;
      this.age = make("span", { class: "muted" });
      this.element = make("article", { class: "card view", "aria-label": panel.title }, make("header", {}, make("h3", {}, panel.title), this.age));
      if (panel.kind === "picture") {
        this.image = make("img", { alt: `Pictures of ${panel.title}` });
        this.image.addEventListener("error", () => { this.again = setTimeout(() => this.load(), 2000); });
        this.element.append(make("div", { class: "frame" }, this.image));
        this.load();
      }
      this.curves = panel.series.map((name, i) => new Curve(name, i));
      this.points = this.curves.map(() => []);
      this.last = 0;
      this.text = make("pre");
      if (panel.kind === "document") this.element.append(...this.curves.map((c) => c.element), make("details", panel.series.length ? {} : { open: "" }, make("summary", {}, "Latest item"), this.text));
    }
    load() {
      clearTimeout(this.again);
      const isLive = [...views.values()].filter((view) => view.image).indexOf(this) < livePictures;
      if (document.hidden) this.image.removeAttribute("src");
      else this.image.src = `/views/${encodeURIComponent(this.name)}${isLive ? ".mjpeg" : ".jpg"}?${Date.now()}`;
    }
    add(panel) {
      this.shown = panel.shown;
      this.panel = panel;
      for (const point of panel.points) {
        point.slice(1).forEach((value, i) => {
          if (value === null || !this.points[i]) return;
          this.points[i].push([point[0], value]);
          if (this.points[i].length > mostPoints) this.points[i].splice(0, this.points[i].length - mostPoints);
        });
      }
      this.last = Math.max(this.last, panel.last);
      if (panel.latest !== undefined) {
        try { say(this.text, JSON.stringify(JSON.parse(panel.latest), null, 2)); } catch { say(this.text, panel.latest); }
      }
    }
    show(date) {
      if (!this.panel) return;
      const old = this.panel.date === undefined ? null : date - this.panel.date;
      say(this.age, this.panel.date === undefined ? "nothing yet" : old > 5 ? `${grouped(this.shown)} shown, none for ${time(Math.round(old))}` : `${grouped(this.shown)} shown, ${time(this.panel.age)} after capture`);
      this.age.className = old !== null && old > 5 ? "warn" : "muted";
      // A run that has just begun fills its plots.
      const span = Math.min(Number(byId("window").value), Math.max(20, Math.ceil((date - began) / 10) * 10));
      this.curves.forEach((curve, i) => curve.show(this.points[i], date - span, date));
    }
    close() { clearTimeout(this.again); if (this.image) this.image.removeAttribute("src"); this.element.remove(); }
  }
  function takeViews(panels, isWhole) {
    const names = new Set(panels.map((panel) => panel.name));
    for (const [name, view] of views) if (!names.has(name)) { view.close(); views.delete(name); }
    let needsAll = false;
    for (const panel of panels) {
      let view = views.get(panel.name);
      if (view && (view.kind !== panel.kind || view.key !== panel.series.join("\u0000"))) { view.close(); views.delete(panel.name); view = null; }
      if (!view) {
        view = new View(panel);
        views.set(panel.name, view);
        byId("views").append(view.element);
        if (view.image) view.load();
        if (!isWhole) needsAll = true;
      }
      if (isWhole) { view.points = view.curves.map(() => []); view.last = 0; view.add(panel); }
      else if (panel.after > view.last) needsAll = true;
      else view.add({ ...panel, points: panel.points.slice(Math.max(0, view.last - (panel.last - panel.points.length))) });
    }
    byId("views-section").hidden = views.size === 0;
    if (needsAll && !isWhole) loadViews();
  }

  // MARK: Tables and tiles

  function fillRows(body, rows) {
    while (body.rows.length > rows.length) body.deleteRow(-1);
    rows.forEach((cells, i) => {
      const row = body.rows[i] || body.insertRow();
      cells.forEach((cell, j) => {
        const plain = typeof cell === "object" ? cell : { text: cell };
        let place = row.cells[j];
        if (!place) { place = make(j === 0 ? "th" : "td", j === 0 ? { scope: "row" } : {}); row.append(place); }
        place.className = plain.class || "";
        if (plain.share === undefined) say(place, plain.text);
        else {
          if (!place.firstElementChild) place.append(make("span", { class: "fill", "aria-hidden": "true" }, make("i")), make("span"));
          const bar = place.firstElementChild.firstElementChild;
          bar.style.width = `${Math.round(plain.share * 100)}%`;
          bar.className = plain.share > 0.5 ? "high" : "";
          say(place.lastElementChild, plain.text);
        }
      });
    });
  }
  const tiles = new Map();
  function tile(name, value, note, mood, history) {
    let parts = tiles.get(name);
    if (!parts) {
      parts = { value: make("dd"), note: make("dd", { class: "small" }), spark: newSpark(), history: [] };
      byId("overview").append(make("div", { class: "tile" }, make("dt", {}, name), parts.value, parts.note, ...(history === undefined ? [] : [parts.spark])));
      tiles.set(name, parts);
    }
    say(parts.value, value);
    parts.value.className = mood || "";
    say(parts.note, note);
    if (history !== undefined && history !== null) {
      parts.history.push(history);
      if (parts.history.length > 120) parts.history.shift();
      spark(parts.spark, parts.history);
    }
  }

  function show(numbers) {
    const now = together(numbers);
    snapshots.push(now);
    while (snapshots.length > 2 && now.seconds - snapshots[1].seconds >= 2) snapshots.shift();
    const before = snapshots[0], seconds = now.seconds - before.seconds, rates = new Map();
    const moved = (name) => {
      const [a, b] = [now.stages.get(name), before.stages.get(name)];
      const key = a.in === undefined ? "out" : "in";
      return seconds > 0 && b ? Math.max(0, (a[key] - b[key]) / seconds) : null;
    };
    for (const name of now.stages.keys()) rates.set(name, moved(name));

    const kinds = new Map((graph ? graph.stages : []).map((stage) => [stage.name, stage.kind]));
    const over = (kind) => {
      const known = [...rates].filter(([name, r]) => kinds.get(name) === kind && r !== null);
      return known.length ? known.reduce((s, [, r]) => s + r, 0) : null;
    };
    const waiting = [...now.links.values()].reduce((s, link) => s + link.held, 0);
    const dropped = {};
    for (const place of [...now.links.values(), ...now.stages.values()]) for (const [why, n] of Object.entries(place.dropped)) dropped[why] = (dropped[why] || 0) + n;
    const failed = [...now.stages.values()].reduce((s, stage) => s + stage.failed, 0);
    const lost = Object.entries(dropped).reduce((s, [why, n]) => (byDesign.includes(why) ? s : s + n), failed);
    const slowest = [...now.paths.values()].filter((path) => path.latency).sort((a, b) => b.latency.p99 - a.latency.p99)[0];
    tile("From sources", rate(over("source")) || "–", "items that came", "", over("source"));
    tile("Into sinks", rate(over("sink")) || "–", "items that arrived", "", over("sink"));
    tile("Latency p99", slowest ? time(slowest.latency.p99) : "–", slowest ? slowest.name : "nothing has arrived", "", slowest ? slowest.latency.p99 : null);
    tile("Waiting", grouped(waiting), "items in all links", "", waiting);
    tile("Lost", grouped(lost), lost ? [reasons(Object.fromEntries(Object.entries(dropped).filter(([why]) => !byDesign.includes(why)))), failed ? `failed ${grouped(failed)}` : ""].filter(Boolean).join(", ") : "nothing", lost ? "warn" : "", undefined);
    tile("Books", numbers.balanced ? "balance" : "do not balance", numbers.balanced ? "every item is accounted for" : (numbers.problems || []).join("; "), numbers.balanced ? "good" : "bad", undefined);

    updateGraph(now, rates);
    fillRows(byId("stages"), [...now.stages.values()].map((stage) => {
      const queue = now.queues.get(stage.name), held = (queue ? queue.held : 0) + stage.held;
      const losses = { ...stage.dropped };
      if (queue) sum({ dropped: losses }, queue, []);
      const isIll = ["failed", "restarting", "stalled"].includes(stage.state);
      // What a stage leaves out by design is no loss.
      const isLoss = stage.failed > 0 || Object.entries(losses).some(([why, n]) => n > 0 && !byDesign.includes(why));
      const words = [reasons(losses), stage.failed ? `failed ${grouped(stage.failed)}` : "", stage.failure || ""].filter(Boolean).join(", ");
      const number = (text) => ({ text, class: "num" });
      return [
        stage.name, { text: stage.state + (stage.restarts ? ` ↻${stage.restarts}` : ""), class: isIll ? "bad" : stage.state === "blocked" ? "warn" : "" },
        number(stage.in === undefined ? "" : grouped(stage.in)), number(grouped(stage.out)), number(rate(rates.get(stage.name))),
        queue ? { text: `${grouped(held)} of ${grouped(queue.capacity)}`, share: queue.capacity ? Math.min(1, held / queue.capacity) : 0 } : "",
        number(time(stage.wait?.p50)), number(time(stage.wait?.p99)), number(time(stage.service?.p50)), number(time(stage.service?.p99)),
        { text: words, class: isLoss ? "lost" : "lost muted" },
      ];
    }));
    fillRows(byId("links"), [...now.links.values()].map((link) => [
      link.name.replace(" -> ", " → "), { text: grouped(link.in), class: "num" }, { text: grouped(link.out), class: "num" },
      { text: `${grouped(link.held)} of ${grouped(link.capacity)}`, class: "num" }, { text: reasons(link.dropped), class: "lost" },
    ]));
    fillRows(byId("paths"), [...now.paths.values()].map((path) => [path.name, ...["p50", "p95", "p99", "max"].map((key) => ({ text: time(path.latency?.[key]), class: "num" }))]));

    say(byId("uptime"), clock(numbers.seconds));
    date = numbers.began + numbers.seconds;
    const ill = [...now.stages.values()].some((stage) => stage.state === "failed") || !numbers.balanced;
    const isOver = [...now.stages.values()].every((stage) => ["ended", "failed"].includes(stage.state));
    state(ill ? "ill" : isOver ? "ended" : numbers.draining ? "draining" : "running");
    tell((numbers.problems || []).join("; "));
    for (const view of views.values()) view.show(date);
  }

  // MARK: The run and its state

  const words = { running: "running", draining: "draining", ended: "has ended", ill: "needs a person", lost: "no connection", waiting: "connecting" };
  function state(kind) {
    const pill = byId("state");
    set(pill, { "data-state": kind });
    say(pill, words[kind]);
  }
  const tell = (text) => say(byId("news"), text);

  let graph = null, snapshots = [], began = null, date = 0, source = null, patience = 1000, attempt = 0;
  async function get(path) {
    const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(10000) });
    if (!answer.ok) throw new Error(`${path} answers ${answer.status}`);
    return answer.json();
  }
  async function loadViews() {
    try { takeViews((await get("/api/views")).panels, true); } catch (error) { tell(`views cannot be read: ${error.message}`); }
    for (const view of views.values()) view.show(date);
  }
  async function begin(mine) {
    graph = await get("/api/graph");
    if (mine !== attempt) return;
    document.title = `${graph.name} · pipe`;
    say(byId("name"), graph.name);
    say(byId("description"), graph.description);
    for (const button of [byId("drain"), byId("stop")]) button.hidden = !graph.takes_orders;
    drawGraph(graph);
    await loadViews();
  }

  function connect() {
    const mine = ++attempt;
    source = new EventSource("/api/stream");
    const retry = () => {
      if (mine !== attempt) return;
      source.close();
      const isOver = byId("state").dataset.state === "ended" || byId("state").dataset.state === "draining";
      state(isOver ? "ended" : "lost");
      tell(isOver ? "The run has ended. This page goes on when it is started again." : "The run does not answer. Trying again.");
      setTimeout(connect, patience);
      patience = Math.min(8000, patience * 1.6);
    };
    source.addEventListener("error", retry);
    source.addEventListener("open", () => { patience = 1000; snapshots = []; });
    source.addEventListener("numbers", (event) => {
      if (mine !== attempt) return;
      const numbers = JSON.parse(event.data);
      const isNew = began !== numbers.began || graph === null || drawing === null;
      if (isNew) {
        began = numbers.began;
        snapshots = [];
        for (const view of views.values()) view.close();
        views.clear();
        begin(mine).then(() => show(numbers)).catch(retry);
      } else {
        show(numbers);
      }
    });
    source.addEventListener("views", (event) => { if (mine === attempt && graph) takeViews(JSON.parse(event.data).panels, false); });
  }

  // MARK: Orders

  const ask = byId("ask");
  let order = "drain";
  function open(which) {
    order = which;
    const [title, text] = which === "drain" ? ["Drain the run?", "Sources make no more, and what is under way comes to its end. The run ends then."] : ["Stop the run at once?", "What is under way is dropped and counted as cancelled."];
    say(byId("ask-title"), title);
    say(byId("ask-text"), text);
    say(byId("ask-yes"), which === "drain" ? "Drain" : "Stop");
    say(byId("ask-problem"), "");
    byId("token").value = sessionStorage.getItem("pipe-token") || "";
    ask.showModal();
    byId("token").focus();
  }
  byId("drain").addEventListener("click", () => open("drain"));
  byId("stop").addEventListener("click", () => open("stop"));
  byId("ask-no").addEventListener("click", () => ask.close());
  byId("ask-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const token = byId("token").value;
    try {
      const answer = await fetch(`/api/${order}`, { method: "POST", headers: { Authorization: `Bearer ${token}` } });
      if (!answer.ok) return say(byId("ask-problem"), answer.status === 401 ? "This is not the token of the run." : (await answer.text()).trim());
      sessionStorage.setItem("pipe-token", token);
      ask.close();
    } catch { say(byId("ask-problem"), "The run does not answer."); }
  });

  // MARK: Colours

  const themes = { auto: ["◐ Auto", "as the system"], light: ["○ Light", "light"], dark: ["● Dark", "dark"] };
  function theme(name) {
    const [word, long] = themes[name];
    set(document.documentElement, { "data-theme": name === "auto" ? null : name });
    say(byId("theme"), word);
    set(byId("theme"), { "aria-label": `Colours: ${long}` });
  }
  const chosen = () => { const name = localStorage.getItem("pipe-theme"); return themes[name] ? name : "auto"; };
  byId("theme").addEventListener("click", () => {
    const names = Object.keys(themes), next = names[(names.indexOf(chosen()) + 1) % names.length];
    localStorage.setItem("pipe-theme", next);
    theme(next);
  });
  theme(chosen());

  byId("window").addEventListener("change", () => { for (const view of views.values()) view.show(date); });
  // What nobody sees is not fetched.
  document.addEventListener("visibilitychange", () => { for (const view of views.values()) if (view.image) view.load(); });
  setInterval(() => { if (!document.hidden) [...views.values()].filter((view) => view.image).slice(livePictures).forEach((view) => view.load()); }, 1000);
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (Math.abs(window.innerWidth - width) < 8 || !graph) return;
    width = window.innerWidth;
    drawGraph(graph);
  });
  connect();
})();
