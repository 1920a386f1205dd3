"""Equal films are equal to the byte on a busy machine, whatever its memory held: `python -m benchmarks.films`."""

import argparse
import hashlib
import os
import subprocess
import sys
import time
from collections import Counter

import numpy as np

from backend.export.film import Film
from backend.export.video import encode_video

FILLINGS = ("", "1", "85", "128", "254")  # bytes of MALLOC_PERTURB_; empty: memory as it comes
STEPS, SIDE, PLACES = 13, 64, 8


def main() -> None:
    """Encodes one film many times beside processes that compute, and counts how many different films come out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200, help="Encodings of each format.")
    parser.add_argument("--load", type=int, default=2 * (os.cpu_count() or 1), help="Processes that compute meanwhile.")
    parser.add_argument("--part", nargs=2, metavar=("FORMAT", "TIMES"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        print(" ".join(hashes(asked.part[0], int(asked.part[1]))))
        return
    busy = [subprocess.Popen([sys.executable, "-c", "while True: sum(range(10000))"]) for _ in range(asked.load)]
    try:
        for format in ("mp4", "webm"):
            start = time.perf_counter()
            found = Counter(
                made for filling in FILLINGS for made in part(format, asked.times // len(FILLINGS), filling)
            )
            seconds = time.perf_counter() - start
            load = f"load {os.getloadavg()[0]:.1f}"
            print(f"{format}: {found.total()} encodings, {len(found)} different, {load}, {seconds:.0f} s", flush=True)
    finally:
        for process in busy:
            process.kill()
            process.wait()


def part(format: str, times: int, filling: str) -> list[str]:
    """Hashes of films that another process encodes, its fresh memory filled with a byte."""
    environment = os.environ | ({"MALLOC_PERTURB_": filling} if filling else {})
    command = [sys.executable, "-m", "benchmarks.films", "--part", format, str(times)]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()


def hashes(format: str, times: int) -> list[str]:
    """The film, encoded so many times."""
    return [hashlib.sha256(encode_video(example(), format, fps=10)).hexdigest() for _ in range(times)]


def example() -> Film:
    """Smooth pictures on white that move a little, as rollouts do: what showed the fault."""
    across, down = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    picture = np.stack([across * 2 + 40, down * 3, np.full_like(across, 90)], axis=-1).astype(np.uint8)
    moving = [[np.roll(picture, step * place // 3, axis=1) for place in range(PLACES)] for step in range(STEPS)]
    corners = tuple((20 + 90 * (place // 4), 4 + 68 * (place % 4)) for place in range(PLACES))
    ground = np.full((200, 276), 15, np.uint8)
    return Film(ground, corners, np.array(moving), ((),) * STEPS, tuple(range(STEPS)), 1, "a film", "{}")


if __name__ == "__main__":
    main()
