"use strict";
// The page's data become figures and a table. Text is only ever set as text.
(async () => {
  // Of Okabe and Ito's palette, told apart by all forms of colour vision.
  const UP = "#0072b2", DOWN = "#d55e00", GREY = "#5b636d";
  const STEPS = ["#b35806", "#f1a340", "#fee0b6", "#f7f7f7", "#d8daeb", "#998ec3", "#542788"];
  const STYLE = { fontSize: "11.5px" };
  const root = document.documentElement;
  const byId = (name) => document.getElementById(name);

  const element = (name, text, attributes = {}) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  const shown = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value !== "number") return value;
    if (Number.isInteger(value)) return String(value);
    // No quantile is 1.
    return String(Number(value.toPrecision(value > 0.99 && value < 1 ? 6 : 4)));
  };

  const DRAWERS = { along: alongGenome, heatmap, sizes, calibration, dots, profile };

  const data = await unpacked(byId("data").textContent);
  if (data.table) showTable(data.table);
  await painted();
  for (const place of document.querySelectorAll("[data-figure]")) {
    const figure = data.figures[Number(place.dataset.figure)];
    // What has many columns takes the whole width of its card.
    const wide = figure.kind === "dots" && new Set(figure.cells.map((d) => d.tissue)).size > 10;
    place.closest("figure").classList.toggle("wide", wide);
    const drawn = DRAWERS[figure.kind](figure, Math.max(place.clientWidth, 280));
    place.replaceChildren(...drawn);
    for (const svg of place.querySelectorAll("svg")) {
      svg.setAttribute("role", "img");
      svg.setAttribute("aria-label", figure.title);
      // An image has one name; what its parts are stays there for those who look at the file.
      for (const part of svg.querySelectorAll("[aria-label]")) {
        part.setAttribute("data-mark", part.getAttribute("aria-label"));
        part.removeAttribute("aria-label");
      }
    }
    await painted();
  }
  root.dataset.state = "ready";

  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).json();
  }

  function painted() {
    return new Promise((resolve) => setTimeout(resolve));
  }

  // ---------------------------------------------------------------- figures

  function key(entries) {
    const list = element("ul", undefined, { class: "key" });
    for (const [text, colour, kind = ""] of entries) {
      const item = element("li"), sample = element("span", "", { class: kind });
      if (colour) {
        sample.style[kind ? "borderTopColor" : "background"] = colour;
        if (kind.includes("dashed")) sample.style.borderTopStyle = "dashed";
        item.append(sample);
      }
      item.append(text);
      list.append(item);
    }
    return list;
  }

  // Colours in steps: easier to read off than a ramp, and to print.
  function steps(values) {
    const most = d3.max(values, Math.abs) || 1;
    const ends = [-5, -3, -1, 1, 3, 5].map((part) => (part / 7) * most);
    const scale = d3.scaleThreshold(ends, STEPS);
    const entries = STEPS.map((colour, place) => {
      const low = place ? shown(Number(ends[place - 1].toPrecision(2))) : null;
      const high = place < 6 ? shown(Number(ends[place].toPrecision(2))) : null;
      const text = low === null ? `below ${high}` : high === null ? `above ${low}` : `${low} to ${high}`;
      return [text, colour];
    });
    return { scale, entries };
  }

  function alongGenome({ points, contigs, measure }, width) {
    if (!points.length) return [element("p", "No row was scored.")];
    const one = contigs.length === 1 ? contigs[0] : null;
    const x = one
      ? { label: `position on ${one.name} (bases)`, tickFormat: (at) => at.toLocaleString("en"), ticks: Math.max(2, Math.floor(width / 160)) }
      : { label: "contig", ticks: apart(contigs, width - 84), tickFormat: (at) => contigs.find((c) => at >= c.start && at < c.end).name, tickSize: 0 };
    // Ticks of a single contig are at round numbers of its own, 1-based.
    const from = one ? one.from + 1 : 0;
    const plot = Plot.plot({
      width, height: 288, style: STYLE, marginTop: 28, marginLeft: 64, marginBottom: 42,
      x: { ...x, domain: [from + contigs[0].start, from + contigs.at(-1).end], labelAnchor: "center", labelArrow: "none" },
      y: { label: `${measure}, strongest track`, grid: true, nice: true, labelArrow: "none" },
      marks: [
        one ? null : Plot.ruleX(contigs.slice(1), { x: "start", stroke: "#c9ced6" }),
        Plot.ruleY([0]),
        Plot.dot(points, {
          x: (d) => from + d.x, y: "y", r: 3, symbol: (d) => (d.y > 0 ? "triangle" : "circle"),
          stroke: (d) => (d.y > 0 ? UP : DOWN), strokeWidth: 1.4,
          title: (d) => `${d.key}\n${d.track}: ${shown(d.y)}\nrank ${d.rank}`, tip: true,
        }),
      ],
      color: { type: "identity" },
    });
    return [key([["up with ALT (triangle)", UP], ["down with ALT (circle)", DOWN]]), plot];
  }

  // The middles of contigs, without those whose names would overlap.
  function apart(contigs, width) {
    const scale = width / contigs.at(-1).end, kept = [];
    let taken = -Infinity;
    for (const { name, start, end } of contigs) {
      const middle = (start + end) / 2, half = name.length * 3.6 + 4;
      if (middle * scale - half < taken) continue;
      taken = middle * scale + half;
      kept.push(middle);
    }
    return kept;
  }

  function heatmap({ cells, rows, columns, by, measure }, width) {
    if (!cells.length) return [element("p", "No row was scored.")];
    const { scale, entries } = steps(cells.map((cell) => cell.value));
    const below = 16 + 5.4 * d3.max(columns, (text) => text.length);
    const short = (text) => (text.length > 24 ? `${text.slice(0, 22)}…` : text);
    const names = rows.map((text, place) => `${place + 1}  ${short(text)}`);
    const plot = Plot.plot({
      width: Math.min(width, 270 + columns.length * 60), height: below + 8 + rows.length * 17,
      style: STYLE, marginLeft: 230, marginBottom: below, marginTop: 8, padding: 0.04,
      x: { domain: columns, label: null, tickRotate: -50, tickSize: 3 },
      y: { domain: names, label: null, tickSize: 0 },
      marks: [
        Plot.cell(cells, {
          x: "column", y: (d) => names[d.row], fill: (d) => scale(d.value),
          title: (d) => `${names[d.row]}\n${d.column}: ${shown(d.value)}\n${d.track}`, tip: true,
        }),
      ],
      color: { type: "identity" },
    });
    return [key([[`${measure} by ${by}:`], ...entries]), plot];
  }

  function sizes({ lines, measure }, width) {
    if (!lines.length) return [element("p", "No row was scored.")];
    return curves(lines, width, `size of ${measure}`, "share of scores as large or larger", false);
  }

  function calibration({ lines }, width) {
    return curves(lines, width, "corrected share", "share of variants with one as small", true);
  }

  function curves(lines, width, across, up, corrected) {
    const colours = { "these variants": UP, background: GREY };
    const names = [...new Set(lines.map((d) => d.of))];
    const floor = d3.min(lines.filter((d) => d.of === "these variants"), (d) => d.y);
    const kept = corrected ? lines : lines.filter((d) => d.y >= floor / 10);
    const log = { type: "log", grid: true, ticks: 5, tickFormat: (d) => shown(d), labelArrow: "none" };
    const plot = Plot.plot({
      width: Math.min(width, 720), height: 308, style: STYLE, marginTop: 28, marginLeft: 72, marginBottom: 42,
      x: { ...log, label: across, labelAnchor: "center" }, y: { ...log, label: up },
      marks: names.map((name) =>
        Plot.lineY(kept.filter((d) => d.of === name), {
          x: "x", y: "y", stroke: colours[name], strokeWidth: 2,
          strokeDasharray: name === "background" ? "5 4" : null,
          curve: corrected && name !== "background" ? "step-after" : "linear",
        }),
      ),
    });
    return [key(names.map((name) => [name, colours[name], `stroke${name === "background" ? " dashed" : ""}`])), plot];
  }

  function dots({ cells, measure }, width) {
    const tissues = [...new Set(cells.map((d) => d.tissue))].sort();
    const most = d3.max(cells, (d) => Math.abs(d.value)) || 1;
    const below = 16 + 5.4 * d3.max(tissues, (text) => text.length);
    const assays = new Set(cells.map((d) => d.assay)).size;
    const plot = Plot.plot({
      width: Math.min(width, Math.max(260, 110 + tissues.length * 60)), height: below + 30 + assays * 30,
      style: STYLE, marginLeft: 72, marginBottom: below, marginRight: 24,
      x: { type: "point", domain: tissues, label: null, tickRotate: -50 },
      y: { type: "point", label: null },
      r: { range: [0, Math.min(11, Math.max(4, width / tissues.length / 2.6))], domain: [0, most] },
      marks: [
        Plot.dot(cells, {
          x: "tissue", y: "assay", r: (d) => Math.abs(d.value),
          fill: (d) => (d.value > 0 ? UP : DOWN), stroke: (d) => (d.value > 0 ? UP : DOWN), fillOpacity: 0.75,
          title: (d) => `${d.assay}, ${d.tissue}\n${d.track}: ${shown(d.value)}`, tip: true,
        }),
      ],
      color: { type: "identity" },
    });
    return [key([[`${measure} up`, UP], ["down", DOWN], [`the largest dot is ${shown(most)}`]]), plot];
  }

  function profile({ starts, width: bin, reference, alternate, pos, contig }, width) {
    // From the first base of each bin, 1-based, to that of the next; the last is closed.
    const bins = starts.map((start, place) => ({
      at: start + 1, end: start + 1 + bin, ref: reference[place], alt: alternate[place],
    }));
    const seen = bins.filter((d) => d.ref !== null);
    const edges = seen.length ? [...seen, { ...seen.at(-1), at: seen.at(-1).end }] : [];
    const plot = Plot.plot({
      width: Math.min(width, 620), height: 196, style: STYLE, marginTop: 28, marginLeft: 60, marginBottom: 40,
      x: { label: `position on ${contig} (bases)`, labelAnchor: "center", labelArrow: "none", ticks: 3, domain: [bins[0].at, bins.at(-1).end], tickFormat: (at) => at.toLocaleString("en") },
      y: { label: `coverage per ${bin} bases`, grid: true, nice: true, labelArrow: "none", ticks: 4 },
      marks: [
        Plot.rectY(seen, { x1: "at", x2: "end", y1: "ref", y2: "alt", fill: (d) => (d.alt > d.ref ? UP : DOWN), fillOpacity: 0.35 }),
        Plot.lineY(edges, { x: "at", y: "ref", curve: "step-after", stroke: GREY, strokeWidth: 1.6 }),
        Plot.lineY(edges, { x: "at", y: "alt", curve: "step-after", stroke: "#000", strokeWidth: 1.6, strokeDasharray: "4 2" }),
        Plot.ruleX([pos + 0.5], { stroke: "#000", strokeWidth: 1, strokeOpacity: 0.6 }),
        Plot.ruleY([0]),
      ],
      color: { type: "identity" },
    });
    return [key([["REF", GREY, "stroke"], ["ALT", "#000", "stroke dashed"], ["ALT higher", "rgb(0 114 178 / .35)"], ["ALT lower", "rgb(213 94 0 / .35)"], ["variant", "#000", "stroke"]]), plot];
  }

  // ---------------------------------------------------------------- the table

  function showTable({ columns, rows, file }) {
    const cell = (column, row) => {
      const value = column.values[row];
      return column.texts && value !== null ? column.texts[value] : value;
    };
    const named = Object.fromEntries(columns.map((column) => [column.name, column]));
    const heads = columns.filter((column) => column.head !== null);
    const searched = columns.filter((column) => column.kind === "text");
    const numbers = (name) => (named[name] ? named[name].values : null);
    const all = Uint32Array.from({ length: rows }, (_, row) => row);
    let order = all, sorted = null, down = false, page = 0, texts = null;

    const tissues = named.tissue?.texts ?? [];
    byId("tissue").append(element("option", "all", { value: "" }));
    for (const name of [...new Set(tissues)].filter(Boolean).sort()) {
      byId("tissue").append(element("option", name, { value: name }));
    }
    byId("tissue-label").hidden = !tissues.some(Boolean);

    const head = element("tr");
    for (const column of heads) {
      const button = element("button", column.head, { type: "button" });
      const th = element("th", undefined, { scope: "col", class: `${column.kind} of-${column.name}` });
      button.addEventListener("click", () => sortBy(column, th));
      th.append(button);
      head.append(th);
    }
    byId("rows").tHead.append(head);

    for (const name of ["find", "tissue", "sign", "least"]) {
      byId(name).addEventListener("input", choose);
    }
    byId("size").addEventListener("input", () => turn(() => 0));
    byId("clear").addEventListener("click", () => {
      for (const name of ["find", "tissue", "sign", "least"]) byId(name).value = "";
      choose();
    });
    byId("first").addEventListener("click", () => turn(() => 0));
    byId("previous").addEventListener("click", () => turn((at) => at - 1));
    byId("next").addEventListener("click", () => turn((at) => at + 1));
    byId("last").addEventListener("click", () => turn((_, pages) => pages - 1));
    byId("download").addEventListener("click", download);
    choose();

    function choose() {
      const find = byId("find").value.trim().toLowerCase();
      const tissue = byId("tissue").value, sign = Number(byId("sign").value);
      const least = Number(byId("least").value), scores = numbers("score");
      if (find && texts === null) {
        texts = Array.from(all, (row) => searched.map((column) => cell(column, row) ?? "").join("\n").toLowerCase());
      }
      order = all.filter((row) =>
        (!find || texts[row].includes(find)) &&
        (!tissue || cell(named.tissue, row) === tissue) &&
        (!sign || scores[row] * sign > 0) &&
        (!least || Math.abs(scores[row]) >= least));
      arrange();
      turn(() => 0);
    }

    function sortBy(column, th) {
      // Numbers begin with the largest, a second time with the smallest.
      down = sorted === column ? !down : column.kind === "number" && column.name !== "rank";
      sorted = column;
      for (const other of head.children) other.removeAttribute("aria-sort");
      th.setAttribute("aria-sort", down ? "descending" : "ascending");
      arrange();
      turn(() => 0);
    }

    function arrange() {
      if (sorted === null) return;
      const compare = sorted.kind === "number"
        ? (a, b) => a - b
        : (a, b) => (a < b ? -1 : Number(a > b));
      const values = Array.from(all, (row) => cell(sorted, row));
      // What is not known comes last, either way.
      order.sort((a, b) => {
        const [left, right] = [values[a], values[b]];
        if (left === null || right === null) return Number(left === null) - Number(right === null) || a - b;
        return (down ? compare(right, left) : compare(left, right)) || a - b;
      });
    }

    function turn(to) {
      const size = Number(byId("size").value), pages = Math.max(1, Math.ceil(order.length / size));
      page = Math.min(Math.max(to(page, pages), 0), pages - 1);
      const body = byId("rows").tBodies[0];
      body.replaceChildren(...Array.from(order.slice(page * size, (page + 1) * size), line));
      const some = (number) => number.toLocaleString("en");
      byId("count").textContent = order.length === rows
        ? `${some(rows)} variants` : `${some(order.length)} of ${some(rows)} variants`;
      byId("place").textContent = `page ${some(page + 1)} of ${some(pages)}`;
      // Not `disabled`, which would take the keyboard's focus away.
      for (const name of ["first", "previous"]) byId(name).setAttribute("aria-disabled", page === 0);
      for (const name of ["next", "last"]) byId(name).setAttribute("aria-disabled", page === pages - 1);
    }

    function line(row) {
      const tr = element("tr");
      for (const column of heads) {
        const td = element("td", undefined, { class: column.kind === "number" ? "number" : "long" });
        const text = element("bdi", shown(cell(column, row)));
        const card = column.name === "key" && byId(`card-${cell(named.rank, row)}`);
        if (card) {
          const link = element("a", undefined, { href: `#${card.id}` });
          link.append(text);
          td.append(link);
        } else {
          td.append(text);
        }
        tr.append(td);
      }
      return tr;
    }

    function download() {
      const field = (value) => {
        const text = value === null || value === undefined ? "" : String(value);
        return /["\t\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
      };
      const lines = [columns.map((column) => field(column.name)).join("\t")];
      for (const row of order) lines.push(columns.map((column) => field(cell(column, row))).join("\t"));
      const blob = new Blob([lines.join("\n"), "\n"], { type: "text/tab-separated-values" });
      const link = element("a", undefined, { href: URL.createObjectURL(blob), download: file });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    }
  }
})().catch((error) => {
  const problem = document.getElementById("problem");
  problem.textContent = `The figures and the table could not be shown: ${error.message}. A browser of 2023 or later is needed.`;
  problem.hidden = false;
  document.documentElement.dataset.state = "failed";
  throw error;
});
