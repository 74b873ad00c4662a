// What happens when: at the start, when the address changes, at a key, when the page gets another width.

function draw() {
  bars();
  diagram();
  histogram();
  if (drawn) drawLanes(document.getElementById("lanes-picture"), drawn);
}

async function go(event) {
  const before = current;
  showList();
  await showSession();
  if (!event || asked().session || !location.hash) return;
  const left = [...parts.rows.children].find((one) => one.dataset.session === before);
  if (before && left) {
    left.scrollIntoView({ block: "center" });
    left.querySelector("a").focus({ preventScroll: true });
  } else {
    list.scrollIntoView();
    document.getElementById("sessions-title").focus({ preventScroll: true });
  }
}

makeList();
draw();
addEventListener("hashchange", go);
go(location.hash ? new Event("start") : null);

addEventListener("keydown", (event) => {
  const types = event.target.matches("input");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && asked().session && !types) location.hash = backOf(asked());
  if (event.key === "/" && !types) {
    event.preventDefault();
    list.scrollIntoView();
    parts.inputs.text.focus({ preventScroll: true });
  }
});

let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== width) {
    width = innerWidth;
    draw();
  }
});
