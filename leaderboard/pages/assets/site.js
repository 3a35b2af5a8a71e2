/* Shared by all pages: colour scheme, data loaded as classic scripts, state in the URL hash. */
(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("scripted");

  var SCHEMES = ["auto", "light", "dark"];
  var WORDS = { auto: "automatic", light: "light", dark: "dark" };
  var SIGNS = { auto: "◐", light: "○", dark: "●" };

  function stored() {
    try { return localStorage.getItem("scheme") || "auto"; } catch (error) { return "auto"; }
  }
  function show(scheme) {
    if (scheme === "auto") { root.removeAttribute("data-theme"); } else { root.setAttribute("data-theme", scheme); }
  }
  show(stored());

  document.addEventListener("DOMContentLoaded", function () {
    var button = document.getElementById("theme");
    var scheme = stored();
    function label() {
      button.setAttribute("aria-label", "Colour scheme: " + WORDS[scheme]);
      button.firstElementChild.textContent = SIGNS[scheme];
    }
    label();
    button.addEventListener("click", function () {
      scheme = SCHEMES[(SCHEMES.indexOf(scheme) + 1) % SCHEMES.length];
      try { localStorage.setItem("scheme", scheme); } catch (error) { /* the choice is not stored */ }
      show(scheme);
      label();
    });
  });

  var data = {}, waiting = {}, asked = {};

  /* Each data file calls this function with its own name. */
  function put(name, value) {
    data[name] = value;
    (waiting[name] || []).forEach(function (take) { take(value); });
    delete waiting[name];
  }

  /* Pass the content of a data file to `take`; null if it does not load. */
  function load(name, file, take) {
    if (name in data) { take(data[name]); return; }
    (waiting[name] = waiting[name] || []).push(take);
    if (asked[name]) { return; }
    asked[name] = true;
    var script = document.createElement("script");
    script.src = document.body.getAttribute("data-root") + file;
    script.onerror = function () { put(name, null); };
    document.head.appendChild(script);
  }

  /* State in the URL hash: #a=1&b=2 */
  function state() {
    var found = {};
    location.hash.slice(1).split("&").forEach(function (part) {
      var at = part.indexOf("=");
      if (at > 0) {
        try { found[part.slice(0, at)] = decodeURIComponent(part.slice(at + 1)); } catch (error) { /* foreign: ignored */ }
      }
    });
    return found;
  }
  function keep(values) {
    var parts = Object.keys(values).filter(function (name) { return values[name] !== "" && values[name] != null; })
      .map(function (name) { return name + "=" + encodeURIComponent(values[name]).replace(/%2F/g, "/").replace(/%2C/g, ","); });
    history.replaceState(null, "", parts.length ? "#" + parts.join("&") : location.pathname + location.search);
  }

  /* Create an element with text and attributes; nothing is ever parsed as HTML. */
  function make(tag, attributes, children) {
    var svg = ["svg", "path", "circle", "text", "line", "g"].indexOf(tag) >= 0;
    var made = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    Object.keys(attributes || {}).forEach(function (name) {
      if (attributes[name] !== null && attributes[name] !== undefined) { made.setAttribute(name, attributes[name]); }
    });
    [].concat(children === undefined ? [] : children).forEach(function (child) {
      made.appendChild(typeof child === "object" ? child : document.createTextNode(String(child)));
    });
    return made;
  }

  /* Width of a drawing in a box: the inner width of the box, so that letters keep their size. */
  function width(box) {
    var style = getComputedStyle(box), padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
    return Math.round(Math.max(240, Math.min(700, box.clientWidth - padding)));
  }

  /* Format a score: three digits, no leading zero, a dash if it is missing. */
  function number(value) {
    if (value === null || value === undefined || value === "") { return "–"; }
    return Number(value).toFixed(3).replace("-0.000", "0.000").replace(/^(-?)0\./, "$1.");
  }

  /* Tell readers that a table goes on beyond its right edge, in words and by a shadow. */
  function hint(box) {
    var note = make("p", { "class": "hint" }, "This table has more columns to the right: scroll it sideways.");
    box.parentNode.insertBefore(note, box);
    function look() {
      var beyond = box.scrollWidth - box.clientWidth;
      note.hidden = beyond <= 1;
      box.classList.toggle("cut", beyond - box.scrollLeft > 1);
      box.classList.toggle("fits", beyond <= 1);  /* then its heading can stay in view */
    }
    box.addEventListener("scroll", look, { passive: true });
    if (window.ResizeObserver) {
      var observer = new ResizeObserver(look);
      observer.observe(box);
      if (box.firstElementChild) { observer.observe(box.firstElementChild); }
    } else { window.addEventListener("resize", look); }
    look();
  }
  document.addEventListener("DOMContentLoaded", function () {
    [].forEach.call(document.querySelectorAll(".scroll"), hint);
  });

  window.smmbench = { put: put, load: load, state: state, keep: keep, make: make, number: number, width: width };
})();
