// Draws the charts of the page in the reader's colours, again when these change.
// Where this does not run, and in print, a still of each chart stands in its place.
(() => {
  const read = (id) => document.getElementById(id).textContent;
  const specs = JSON.parse(read("chart-specs"));
  const themes = JSON.parse(read("chart-themes"));
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const views = new Map();

  const coloured = (spec, colours) => {
    let text = JSON.stringify(spec);
    for (const [from, to] of Object.entries(colours)) text = text.split(from).join(to);
    return JSON.parse(text);
  };

  const draw = async (id, theme) => {
    const place = document.getElementById(id);
    const figure = place.closest("figure");
    figure.classList.add("drawn");
    try {
      const config = { background: "transparent", legend: {}, ...theme.config };
      config.legend = { ...config.legend, orient: "bottom", columns: 6 };
      const options = { actions: false, ast: true, renderer: "svg", mode: "vega-lite", config };
      views.get(id)?.finalize();
      views.set(id, await window.vegaEmbed(place, coloured(specs[id], theme.colours), options));
    } catch (error) {
      figure.classList.remove("drawn");
      console.error(`The chart ${id} was not drawn: ${error}`);
    }
  };

  const drawAll = async () => {
    const theme = themes[dark.matches ? "dark" : "light"];
    for (const id of Object.keys(specs)) await draw(id, theme);
    document.documentElement.dataset.charts = String(document.querySelectorAll(".live svg").length);
  };

  let last = drawAll();
  dark.addEventListener("change", () => { last = last.then(drawAll); });
})();
