"use strict";
const figures = JSON.parse(document.getElementById("data").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
function draw() {
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink").trim(), rule = style.getPropertyValue("--rule").trim();
  for (const [name, figure] of Object.entries(figures)) {
    const layout = {
      ...figure.layout, autosize: true, margin: { l: 60, r: 20, t: 30, b: 50 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink, size: 12 },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: rule, activecolor: ink },
    };
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis/.test(key)) layout[key] = { ...layout[key], gridcolor: rule, zeroline: false };
    }
    Plotly.react(document.querySelector(`#${name} .chart`), figure.data, layout, { displaylogo: false, responsive: true });
  }
}
draw();
dark.addEventListener("change", draw);
