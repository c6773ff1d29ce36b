// Line icons, drawn for this page.

const SVG = "http://www.w3.org/2000/svg";

// Paths on a grid of 20 by 20.
const PATHS = {
  at: ["M13 10a3 3 0 1 1-6 0 3 3 0 0 1 6 0Z", "M13 7v4.2a2 2 0 0 0 4 0V10a7 7 0 1 0-2.9 5.7"],
  slash: ["M12.5 4.5 7.5 15.5", "M3.5 3.5h13v13h-13z"],
  send: ["M3.2 4.1 17 10 3.2 15.9 5.4 10z", "M5.4 10H10"],
  stop: ["M6 6h8v8H6z"],
  hash: ["M8 3.5 6.4 16.5", "M13.6 3.5 12 16.5", "M4 7.5h12.6", "M3.4 12.5H16"],
  back: ["M12 4.5 6.5 10l5.5 5.5"],
  close: ["m5 5 10 10", "M15 5 5 15"],
  sun: ["M10 6.8a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4Z", "M10 2.2v1.6M10 16.2v1.6M2.2 10h1.6M16.2 10h1.6M4.5 4.5l1.1 1.1M14.4 14.4l1.1 1.1M4.5 15.5l1.1-1.1M14.4 5.6l1.1-1.1"],
  moon: ["M16.5 11.9A6.9 6.9 0 0 1 8.1 3.5a6.9 6.9 0 1 0 8.4 8.4Z"],
  reply: ["M3.5 5.5A1.5 1.5 0 0 1 5 4h10a1.5 1.5 0 0 1 1.5 1.5v6A1.5 1.5 0 0 1 15 13H8.5l-3.3 3v-3H5a1.5 1.5 0 0 1-1.5-1.5z"],
  edit: ["m4 16 .7-3.2 8-8a1.4 1.4 0 0 1 2 0l.5.5a1.4 1.4 0 0 1 0 2l-8 8z", "m11.5 6 2.5 2.5"],
  trash: ["M4 5.5h12", "M8 5.5V4h4v1.5", "m5.5 5.5.7 10.5h7.6l.7-10.5"],
  copy: ["M7.5 7.5h8v8h-8z", "M12.5 7.5v-3h-8v8h3"],
  check: ["m4.5 10.5 3.5 3.5 7.5-8"],
  eye: ["M2.5 10S5.2 5 10 5s7.5 5 7.5 5-2.7 5-7.5 5-7.5-5-7.5-5Z", "M12.2 10a2.2 2.2 0 1 1-4.4 0 2.2 2.2 0 0 1 4.4 0Z"],
  eyeOff: ["M4 4l12 12", "M8.2 5.3C8.8 5.1 9.4 5 10 5c4.8 0 7.5 5 7.5 5s-.7 1.3-2 2.6M5.2 6.8C3.4 8.2 2.5 10 2.5 10s2.7 5 7.5 5c1.2 0 2.3-.3 3.2-.8"],
  up: ["M6.5 9v7", "M6.5 9 9.7 3.4c1.3 0 2 .9 1.8 2.1L11.1 8h3.7a1.6 1.6 0 0 1 1.6 2l-1.2 4.7a1.6 1.6 0 0 1-1.6 1.3H6.5", "M3.5 9h3v7h-3z"],
  down: ["M6.5 11V4", "M6.5 11l3.2 5.6c1.3 0 2-.9 1.8-2.1L11.1 12h3.7a1.6 1.6 0 0 0 1.6-2l-1.2-4.7A1.6 1.6 0 0 0 13.6 4H6.5", "M3.5 4h3v7h-3z"],
  lock: ["M5 9h10v7.5H5z", "M7 9V6.5a3 3 0 0 1 6 0V9"],
  home: ["M3.5 9 10 3.5 16.5 9v7.5h-4.3V12H7.8v4.5H3.5z"],
  info: ["M17 10a7 7 0 1 1-14 0 7 7 0 0 1 14 0Z", "M10 9.2v4M10 6.5v.1"],
  warning: ["M10 3.5 17.5 16.5h-15z", "M10 8.5v3.5M10 14.2v.1"],
  clip: ["m15.5 9.2-5.6 5.7a3.3 3.3 0 0 1-4.7-4.7l6.2-6.2a2.2 2.2 0 0 1 3.1 3.1l-6.1 6.2a1.1 1.1 0 0 1-1.6-1.6l5.3-5.3"],
  file: ["M5.5 3.5h5.5l3.5 3.5v9.5h-9z", "M11 3.5v3.5h3.5"],
  menu: ["M3.5 6h13M3.5 10h13M3.5 14h13"],
  down_chevron: ["m5.5 8 4.5 4.5L14.5 8"],
};

/** A decorative line icon; what it means must stand in text or in the label of its button. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  for (const d of PATHS[name] ?? []) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}
