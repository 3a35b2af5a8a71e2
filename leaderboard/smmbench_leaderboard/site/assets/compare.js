/* Two rows, pair by pair: sorted differences, each with a link to the viewer. */
(function () {
  "use strict";
  var site = window.smmbench, make = site.make, FIRST = 100;
  var boards = JSON.parse(document.getElementById("boards").textContent);
  var field = {}, state, board, all = false;
  ["board", "a", "b", "column", "order"].forEach(function (name) { field[name] = document.getElementById("choose-" + name); });
  var says = document.getElementById("says"), body = document.getElementById("pairs"), spread = document.getElementById("spread");
  var more = document.getElementById("more-pairs");

  function options(select, list, chosen) {
    select.replaceChildren.apply(select, list.map(function (one) {
      var made = make("option", { value: one[0] }, one[1]);
      made.selected = one[0] === chosen;
      return made;
    }));
  }
  function has(list, name) { return list.some(function (one) { return one[0] === name; }); }
  function start() {
    state = site.state();
    if (!has(boards, state.board)) { state.board = boards[0][0]; }
    site.load("board/" + state.board, state.board + "/data/board.js", function (found) {
      if (!found) { says.textContent = "The data of this board did not load."; return; }
      board = found;
      show();
    });
  }
  function show() {
    var rows = board.rows.map(function (row) { return [row.slug, row.label + (row.kind === "control" ? " (control)" : "")]; });
    var columns = board.columns.map(function (column) { return [column.name, column.title]; });
    if (!has(rows, state.a)) { state.a = rows[0][0]; }
    if (!has(rows, state.b)) { state.b = (rows[1] || rows[0])[0]; }
    if (!has(columns, state.column)) { state.column = (has(columns, "motion_fidelity") ? "motion_fidelity" : columns[0][0]); }
    state.order = state.order || "high";
    options(field.board, boards, state.board);
    options(field.a, rows, state.a);
    options(field.b, rows, state.b);
    options(field.column, columns, state.column);
    field.order.value = state.order;
    site.keep(state);
    with_row(state.a, function (a) { with_row(state.b, function (b) { list(a, b); }); });
  }
  function with_row(name, take) {
    site.load("row/" + state.board + "/" + name, state.board + "/data/" + name + ".js", take);
  }
  function label(name) { return board.rows.filter(function (row) { return row.slug === name; })[0].label; }
  function list(a, b) {
    if (!a || !b) { says.textContent = "The data of a row did not load."; return; }
    var prompts = {};
    board.clips.forEach(function (clip) {
      clip.edits.forEach(function (edit) { prompts[clip.slug + "/" + edit.slug] = [clip.name, edit.prompt || edit.name]; });
    });
    var one = a.values[state.column] || [], other = b.values[state.column] || [], found = [];
    board.pairs.forEach(function (pair, place) {
      if (one[place] == null || other[place] == null) { return; }
      found.push({ pair: pair, a: one[place], b: other[place], d: one[place] - other[place],
        as: a.status[place], bs: b.status[place] });
    });
    var mean = found.reduce(function (sum, pair) { return sum + pair.d; }, 0) / (found.length || 1);
    var wins = found.filter(function (pair) { return pair.d > 0; }).length;
    var losses = found.filter(function (pair) { return pair.d < 0; }).length;
    document.getElementById("head-a").textContent = label(state.a);
    document.getElementById("head-b").textContent = label(state.b);
    says.replaceChildren.apply(says, found.length ? [
      "Over " + found.length + " pairs that both rows have, ", make("b", {}, make("bdi", {}, label(state.a))), " is ",
      make("b", {}, signed(mean)), " against ", make("b", {}, make("bdi", {}, label(state.b))),
      " on average: higher on " + wins + ", equal on " + (found.length - wins - losses) + ", lower on " + losses +
      ". Pairs without a number count as the worst. For an interval and p: ",
      make("code", {}, "smmbench compare " + quoted(label(state.a)) + " " + quoted(label(state.b)))
    ] : ["These two rows share no pair with a number in this column."]);
    var signs = { high: function (x, y) { return y.d - x.d; }, low: function (x, y) { return x.d - y.d; },
      large: function (x, y) { return Math.abs(y.d) - Math.abs(x.d); }, board: function () { return 0; } };
    found.sort(signs[state.order] || signs.high);
    dots(found);
    var shown = all ? found : found.slice(0, FIRST);
    body.replaceChildren.apply(body, shown.map(function (pair) {
      var parts = pair.pair.split("/"), name = prompts[parts[0] + "/" + parts[1]] || [parts[0], parts[1]];
      var words = [make("bdi", {}, name[1])];
      var address = "pairs.html#board=" + state.board + "&pair=" + pair.pair + "&rows=" + state.a + "," + state.b;
      var head = document.body.hasAttribute("data-media") ? make("a", { href: address }, words) : make("span", {}, words);
      return make("tr", { "class": "row" }, [
        make("th", { scope: "row" }, [head, make("small", {}, [make("bdi", {}, name[0]), ", seed " + parts[2]])]),
        value(pair.a, pair.as), value(pair.b, pair.bs),
        make("td", { "class": pair.d < 0 ? "bad" : "" }, signed(pair.d))
      ]);
    }));
    more.hidden = shown.length === found.length;
    more.textContent = "Show all " + found.length + " pairs";
  }
  function value(number, status) {
    var words = { f: "failed", m: "missing", u: "unscored" }[status];
    return make("td", {}, words ? [site.number(number), make("small", { "class": "bad" }, words)] : site.number(number));
  }
  function signed(value) { return (value > 0 ? "+" : value < 0 ? "−" : "") + site.number(Math.abs(value)); }
  function quoted(text) { return /^[\w.+-]+$/.test(text) ? text : "'" + text.replace(/'/g, "'\\''") + "'"; }

  /* All differences as dots on one line, to reveal when a few large ones dominate the mean. */
  function dots(found) {
    spread.replaceChildren();
    if (!found.length) { return; }
    var reach = Math.max.apply(null, found.map(function (pair) { return Math.abs(pair.d); })) || 1, heights = {};
    var width = site.width(spread), half = width / 2;
    var svg = make("svg", { "class": "lines", viewBox: "0 0 " + width + " 120", role: "img", "aria-label": "Differences of all pairs" }, [
      make("path", { "class": "axis", d: "M10 98H" + (width - 10) + "M" + half + " 8V98" }),
      make("text", { x: 10, y: 114 }, "−" + site.number(reach)),
      make("text", { x: half, y: 114, "text-anchor": "middle" }, "equal"),
      make("text", { x: width - 10, y: 114, "text-anchor": "end" }, "+" + site.number(reach))
    ]);
    function column(pair) { return Math.round((half + pair.d / reach * (half - 20)) / 7) * 7; }
    found.forEach(function (pair) { heights[column(pair)] = (heights[column(pair)] || 0) + 1; });
    var highest = Math.max.apply(null, Object.keys(heights).map(function (x) { return heights[x]; }));
    var apart = Math.min(7, 86 / highest), stacked = {}, marks = "";
    found.forEach(function (pair) {
      var x = column(pair), level = stacked[x] = (stacked[x] || 0) + 1;
      marks += "M" + (x - 2.5) + " " + (94 - (level - 1) * apart).toFixed(1) + "h5";
    });
    svg.appendChild(make("path", { "class": "s c0 thick", d: marks }));
    spread.appendChild(svg);
  }

  Object.keys(field).forEach(function (name) {
    field[name].addEventListener("change", function () {
      all = false;
      if (name === "board") { location.hash = "board=" + field.board.value; return; }
      state[name] = field[name].value;
      show();
    });
  });
  document.getElementById("swap").addEventListener("click", function () {
    var kept = state.a;
    state.a = state.b;
    state.b = kept;
    show();
  });
  more.addEventListener("click", function () { all = true; show(); });
  window.addEventListener("hashchange", start);
  start();
})();
