"""Draws colour-mapped JPEGs as the lab's camera program saves them: spots of light, noise, gradients, a colour map, JPEG.

    python make_pictures.py OUT COUNT SEED

For `evaluate.py BENCH --pictures OUT`. Contrasts go from none to glaring, so that every row of the handler's table of thresholds is met.
Needs numpy and opencv-python-headless.
"""
import sys
from pathlib import Path

import cv2
import numpy as np

SIZES = [(500, 300), (500, 300), (800, 200), (800, 200), (300, 300), (640, 480), (320, 240), (200, 200), (128, 96), (61, 47), (31, 29)]
MAPS = [cv2.COLORMAP_VIRIDIS] * 4 + [cv2.COLORMAP_JET, cv2.COLORMAP_HOT, cv2.COLORMAP_INFERNO, cv2.COLORMAP_PARULA, None]


def picture(chance):
    wide, high = SIZES[chance.integers(len(SIZES))]
    x, y = np.arange(wide)[None, :], np.arange(high)[:, None]
    level = chance.uniform(2, 200)
    light = np.full((high, wide), level)
    light *= 1 + chance.uniform(-0.3, 0.3) * (x / wide - 0.5) + chance.uniform(-0.3, 0.3) * (y / high - 0.5)
    contrast = np.exp(chance.uniform(np.log(0.02), np.log(20)))
    for _ in range(chance.integers(0, 9)):
        # A third of them near the edge of the region, where windows are cut.
        at = chance.uniform(0, min(wide, 300)), chance.uniform(0, min(high, 300))
        if chance.random() < 0.3:
            at = chance.choice([0, min(wide, 300) - 1]) + chance.normal(0, 12), at[1]
        across, along = np.exp(chance.uniform(np.log(1.5), np.log(25), 2))
        if chance.random() < 0.6:
            along = across * chance.uniform(0.8, 1.3)
        height = level * contrast * chance.uniform(0.3, 1)
        spot = height * np.exp(-(((x - at[0]) / across) ** 2 + ((y - at[1]) / along) ** 2) / 2)
        if chance.random() < 0.1:  # a ring, which leaves a hole in the mask
            far = np.hypot(x - at[0], y - at[1])
            spot = height * np.exp(-(((far - 3 * across) / across) ** 2) / 2)
        light = light + spot
    noise = chance.uniform(0, 0.3) * level
    light = light + chance.normal(0, 1, light.shape) * noise
    if chance.random() < 0.5:  # stretched to the whole map, as programs that plot do
        light = (light - light.min()) * (255 / max(1e-9, np.ptp(light)))
    grey = np.clip(light, 0, 255).astype(np.uint8)
    colour = MAPS[chance.integers(len(MAPS))]
    return grey if colour is None else cv2.applyColorMap(grey, colour)


def main(out, count, seed):
    out.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        chance = np.random.default_rng([seed, number])
        quality = int(chance.integers(75, 96))
        options = [cv2.IMWRITE_JPEG_QUALITY, quality]
        if chance.random() < 0.3:
            options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        cv2.imwrite(str(out / f"{number:05}_q{quality}.jpg"), picture(chance), options)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
