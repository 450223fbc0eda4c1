/** Draws the picture that the sample job scales down: hills before an evening sky, a PNG of a few KB. */
const [WIDTH, HEIGHT] = [960, 600];

/** @returns the PNG as base64 */
export function samplePicture(): string {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser cannot draw the picture.");
  // bands instead of a smooth sky, so that the PNG is small
  SKY.forEach((color, index) => {
    context.fillStyle = color;
    context.fillRect(0, (index * HEIGHT) / SKY.length, WIDTH, HEIGHT / SKY.length + 1);
  });
  context.fillStyle = "#ffd9a0";
  context.beginPath();
  context.arc(WIDTH * 0.68, HEIGHT * 0.5, 74, 0, 2 * Math.PI);
  context.fill();
  HILLS.forEach(([color, base, height, wave, shift]) => {
    context.fillStyle = color;
    context.beginPath();
    context.moveTo(0, HEIGHT);
    for (let x = 0; x <= WIDTH; x += 4) context.lineTo(x, HEIGHT * base - height * Math.sin(x / wave + shift));
    context.lineTo(WIDTH, HEIGHT);
    context.fill();
  });
  return canvas.toDataURL("image/png").replace(/^data:image\/png;base64,/, "");
}

const SKY = ["#232a5c", "#35356f", "#514180", "#77508a", "#a0628b", "#c87886", "#e5937f", "#f3b183", "#f7c98f"];
const HILLS: readonly (readonly [color: string, base: number, height: number, wave: number, shift: number])[] = [
  ["#5b4a80", 0.7, 46, 150, 0.4],
  ["#3d3a6b", 0.79, 38, 110, 2.1],
  ["#262b52", 0.89, 30, 170, 4.2],
];
