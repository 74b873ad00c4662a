"use strict";

// Words, numbers and elements. All text gets into the page as text: nothing here, or anywhere, parses HTML.

const DATA = JSON.parse(document.getElementById("data").textContent);

function element(tag, attributes = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick" || name === "oninput") made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...inside.filter((one) => one !== null && one !== undefined && one !== ""));
  return made;
}

const number = (count) => count.toLocaleString("en-US");
const spaced = (word) => word.replaceAll("_", " ");
const party = (person, extension) => (person ? `${person} (${extension})` : extension);

function moment(seconds) {
  if (seconds === null || seconds === undefined) return "not known";
  if (!DATA.calendar) return `${seconds.toFixed(2)} s`;
  const date = new Date(seconds * 1000);
  return isNaN(date) ? String(seconds) : date.toISOString().replace("T", " ").replace("Z", "").slice(0, 22);
}

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "not known";
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (count) => String(count).padStart(2, "0");
  return hours ? `${hours} h ${two(minutes)} min` : `${minutes} min ${two(rest)} s`;
}

function shown(value) {
  if (value === null || value === undefined) return "not known";
  if (Array.isArray(value)) return value.join(", ") || "nothing";
  return String(value);
}

// What is asked for stands behind the # of the address, so that it can be linked, gone back to, and kept.

// What stands in a table under a name that comes from outside: `in` would find what every object has.
const own = (table, name) => (Object.hasOwn(table, name) ? table[name] : undefined);

const asked = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const address = (query) => `#${new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ""))}`;
