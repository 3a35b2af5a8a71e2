/* Board page: sort within blocks, filter rows, show one class of clips, navigate the plot. */
(function () {
  "use strict";
  var site = window.smmbench;
  var table = document.getElementById("board"), form = document.getElementById("filters");
  var rows = [].slice.call(table.querySelectorAll("tr.row"));
  var heads = [].slice.call(table.querySelectorAll("thead th"));
  var state = site.state();

  rows.forEach(function (row, place) { row.place = place; });

  /* sorting: within each block, never across blocks */
  function value(row, column) {
    var cell = row.children[column], raw = cell.getAttribute("data-v");
    return heads[column].getAttribute("data-sort") === "text" ? raw.toLowerCase() : raw === "" ? null : Number(raw);
  }
  function sort(column, descending) {
    heads.forEach(function (head, place) {
      if (place === column) { head.setAttribute("aria-sort", descending ? "descending" : "ascending"); }
      else { head.removeAttribute("aria-sort"); }
    });
    [].forEach.call(table.tBodies, function (body) {
      var own = [].slice.call(body.querySelectorAll("tr.row"));
      own.sort(function (a, b) {
        if (column < 0) { return a.place - b.place; }
        var x = value(a, column), y = value(b, column);
        if (x === null || y === null) { return (x === null) - (y === null) || a.place - b.place; }
        var order = x < y ? -1 : x > y ? 1 : 0;
        return (descending ? -order : order) || a.place - b.place;
      });
      own.forEach(function (row) { body.appendChild(row); });
    });
  }
  heads.forEach(function (head, column) {
    var button = site.make("button", { type: "button" }, head.textContent.trim());
    head.textContent = "";
    head.appendChild(button);
    button.addEventListener("click", function () {
      var first = head.getAttribute("data-sort") === "high", now = head.getAttribute("aria-sort");
      var descending = now ? now === "ascending" : first;
      if (now && descending === first) {  /* the third click restores the board's order */
        sort(-1, false);
        delete state.sort;
      } else {
        sort(column, descending);
        state.sort = column + (descending ? "d" : "a");
      }
      site.keep(state);
    });
  });

  /* filters */
  var count = document.getElementById("count"), notice = document.getElementById("class-notice");
  function filter() {
    var find = form.elements.find.value.trim().toLowerCase(), shown = 0;
    rows.forEach(function (row) {
      var text = row.cells[0].textContent.toLowerCase();
      var fits = !find || text.indexOf(find) >= 0;
      ["kind", "family", "input"].forEach(function (name) {
        var field = form.elements[name];
        if (field && field.value && row.getAttribute("data-" + name) !== field.value) { fits = false; }
      });
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    [].forEach.call(table.tBodies, function (body) {
      body.querySelector("tr.block").hidden = !body.querySelector("tr.row:not([hidden])");
    });
    count.textContent = shown === rows.length ? rows.length + " rows" : shown + " of " + rows.length + " rows";
    var hidden = {};
    rows.forEach(function (row) { hidden[row.getAttribute("data-label")] = row.hidden; });
    points.forEach(function (point) {
      point.style.display = hidden[point.getAttribute("data-label")] ? "none" : "";
    });
    [].forEach.call(document.querySelectorAll(".plot"), function (plot) { rove(plot); });
  }
  function remember() {
    ["find", "kind", "family", "input", "clips"].forEach(function (name) {
      if (form.elements[name]) { state[name] = form.elements[name].value; }
    });
    site.keep(state);
  }

  /* one class of clips: means over its pairs only; no ranks, because ranks hold for the whole board */
  var cells = [].slice.call(table.querySelectorAll("td.score"));
  cells.forEach(function (cell) {
    cell.whole = { v: cell.getAttribute("data-v"), nodes: [].slice.call(cell.childNodes) };
  });
  function show_class() {
    var field = form.elements.clips, chosen = field ? field.value : "";
    table.classList.toggle("of-class", !!chosen);
    if (!chosen) {
      cells.forEach(function (cell) {
        cell.setAttribute("data-v", cell.whole.v);
        cell.replaceChildren.apply(cell, cell.whole.nodes);
      });
      ranks(false);
      notice.hidden = true;
      again();
      return;
    }
    var board = field.getAttribute("data-board");
    site.load("classes/" + board, board + "/data/classes.js", function (classes) {
      if (!classes || field.value !== chosen) { return; }
      cells.forEach(function (cell) {
        var label = cell.parentNode.getAttribute("data-label");
        var of = (classes[chosen] || {})[label], found = of && of[cell.getAttribute("data-c")];
        cell.setAttribute("data-v", found ? found[0] : "");
        var parts = [site.make("span", { "class": "n" }, site.number(found && found[0]))];
        if (found && found[1] !== null) {
          parts.push(site.make("span", { "class": "iv" }, site.number(found[1]) + " to " + site.number(found[2])));
        }
        cell.replaceChildren.apply(cell, parts);
      });
      ranks(true);
      notice.textContent = "Text and motion are means over the pairs of one class alone: " +
        field.options[field.selectedIndex].textContent + ". There are no ranks of a class; the plot and all other columns are of the whole board.";
      notice.hidden = false;
      again();
    });
  }
  function ranks(hide) {
    [].forEach.call(table.querySelectorAll("td.rank"), function (cell) {
      if (cell.whole === undefined) { cell.whole = cell.textContent; }
      cell.textContent = hide ? "–" : cell.whole;
    });
  }
  function again() {
    var of = /^(\d+)([ad])$/.exec(state.sort || "");
    if (of && Number(of[1]) < heads.length) { sort(Number(of[1]), of[2] === "d"); }
  }

  form.addEventListener("submit", function (event) { event.preventDefault(); });
  form.addEventListener("input", function (event) {
    remember();
    if (event.target.name === "clips") { show_class(); } else { filter(); }
  });
  form.addEventListener("reset", function () {
    setTimeout(function () { remember(); filter(); show_class(); }, 0);
  });

  /* plot: tooltip next to the point, arrow keys move between points, table row highlighted */
  var tip = document.getElementById("tip");
  var points = [].slice.call(document.querySelectorAll(".pt"));
  function lit(label, on) {
    rows.forEach(function (row) {
      if (row.getAttribute("data-label") === label) { row.classList.toggle("on", on); }
    });
    points.forEach(function (point) {
      if (point.getAttribute("data-label") === label) { point.classList.toggle("on", on); }
    });
  }
  function point_out(point) {
    var frame = tip.parentNode.getBoundingClientRect(), box = point.querySelector(".d").getBoundingClientRect();
    var words = point.querySelector("title").textContent, at = words.lastIndexOf(": text ");
    tip.replaceChildren(site.make("b", {}, words.slice(0, at)));
    words.slice(at + 2).split(", motion ").forEach(function (part, place) {
      tip.appendChild(site.make("div", {}, place ? "motion " + part : part));
    });
    tip.hidden = false;
    var left = box.left - frame.left + 16, top = box.top - frame.top - tip.offsetHeight - 8;
    if (left + tip.offsetWidth > frame.width) { left = box.left - frame.left - tip.offsetWidth - 12; }
    tip.style.left = Math.max(4, left) + "px";
    tip.style.top = Math.max(4, top) + "px";
    lit(point.getAttribute("data-label"), true);
  }
  points.forEach(function (point) {
    function leave() { tip.hidden = true; lit(point.getAttribute("data-label"), false); }
    point.addEventListener("mouseenter", function () { point_out(point); });
    point.addEventListener("focus", function () { rove(point.ownerSVGElement, point); point_out(point); });
    point.addEventListener("mouseleave", leave);
    point.addEventListener("blur", leave);
    point.addEventListener("keydown", function (event) {
      var step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (event.key === "Escape") { tip.hidden = true; }
      if (!step) { return; }
      event.preventDefault();
      var next = nearest(point, step);
      if (next) { next.focus(); }
    });
  });
  /* One point of a plot is a stop of the Tab key, and arrow keys lead to the others. */
  function rove(plot, chosen) {
    var own = points.filter(function (point) { return point.ownerSVGElement === plot && !point.style.display; });
    var stop = chosen || own.filter(function (point) { return point.getAttribute("tabindex") === "0"; })[0] || own[0];
    own.forEach(function (point) { point.setAttribute("tabindex", point === stop ? "0" : "-1"); });
  }
  function centre(point) {
    var box = point.querySelector(".d").getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  }
  function nearest(from, step) {
    var start = centre(from), best = null, least = Infinity;
    points.forEach(function (point) {
      if (point === from || point.ownerSVGElement !== from.ownerSVGElement || point.style.display) { return; }
      var end = centre(point), ahead = (end[0] - start[0]) * step[0] + (end[1] - start[1]) * step[1];
      if (ahead <= 0) { return; }
      var aside = Math.abs((end[0] - start[0]) * step[1]) + Math.abs((end[1] - start[1]) * step[0]);
      if (ahead + 0.5 * aside < least) { least = ahead + 0.5 * aside; best = point; }
    });
    return best;
  }
  rows.forEach(function (row) {
    row.addEventListener("mouseenter", function () { lit(row.getAttribute("data-label"), true); });
    row.addEventListener("mouseleave", function () { lit(row.getAttribute("data-label"), false); });
  });

  /* state from the address */
  ["find", "kind", "family", "input", "clips"].forEach(function (name) {
    if (state[name] && form.elements[name]) { form.elements[name].value = state[name]; }
  });
  again();
  filter();
  show_class();
})();
