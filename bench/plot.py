"""Lines over a logarithmic axis, as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 56, 190, 24, 44


@dataclass(frozen=True)
class Line:
    """`points`: (x above 0, y from 0 to 1)."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: str
    dashed: bool = False


def plot(y_name: str, x_name: str, lines: Sequence[Line]) -> str:
    """The whole picture. The names stand at the ends of the lines."""
    every = [point for line in lines for point in line.points]
    least_x, most_x = min(x for x, _ in every), max(x for x, _ in every)
    least_y = math.floor(min(y for _, y in every) * 10) / 10

    def place(x: float, y: float) -> tuple[float, float]:
        share = math.log(x / least_x) / math.log(most_x / least_x)
        across = LEFT + share * (WIDTH - LEFT - RIGHT)
        return across, TOP + (1 - (y - least_y) / (1 - least_y)) * (HEIGHT - TOP - BOTTOM)

    def parts() -> Iterator[str]:
        yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        yield ' font-size="12"><rect width="100%" height="100%" fill="#ffffff"/>'
        for tenth in range(round(least_y * 10), 11):
            _, down = place(least_x, tenth / 10)
            yield f'<path d="M{LEFT} {down:.1f}H{WIDTH - RIGHT}" stroke="#e4e4e4"/>'
            yield f'<text x="{LEFT - 8}" y="{down + 4:.1f}" text-anchor="end">{tenth / 10:.1f}</text>'
        for x in sorted({x for x, _ in every}):
            across, _ = place(x, 1)
            yield f'<text x="{across:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:g}</text>'
        yield f'<text x="{LEFT}" y="14">{y_name}</text>'
        yield f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">{x_name}</text>'
        taken: list[float] = []
        for line in lines:
            placed = [place(x, y) for x, y in line.points]
            path = "L".join(f"{across:.1f} {down:.1f}" for across, down in placed)
            dashes = ' stroke-dasharray="5 4"' if line.dashed else ""
            yield f'<path d="M{path}" fill="none" stroke="{line.colour}" stroke-width="2"{dashes}/>'
            down = placed[-1][1]
            while any(abs(down - other) < 14 for other in taken):
                down += 4
            taken.append(down)
            yield f'<text x="{placed[-1][0] + 8:.1f}" y="{down + 4:.1f}" fill="{line.colour}">{line.name}</text>'
        yield "</svg>\n"

    return "".join(parts())
