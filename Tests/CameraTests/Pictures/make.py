"""Makes the pictures beside it, of 24 by 16 pixels, with another library than ours: pip install pillow numpy tifffile."""

import numpy as np
from PIL import Image
import tifffile

y, x = np.mgrid[0:16, 0:24]
grey8 = (x * 7 + y * 5).astype("uint8")
grey16 = (x * 1000 + y * 37).astype("uint16")
colour = np.stack([x * 10, y * 15, 255 - x * 10], axis=2).astype("uint8")

Image.fromarray(grey8).save("grey8.png")
Image.fromarray(grey16).save("grey16.png")
Image.fromarray(grey8).save("grey.jpg", quality=95)
Image.fromarray(colour).save("colour.jpg", quality=95, subsampling=0)
Image.fromarray(colour).convert("CMYK").save("print.jpg")
tifffile.imwrite("grey8.tif", grey8, photometric="minisblack")
tifffile.imwrite("grey16.tif", grey16, photometric="minisblack", byteorder=">", rowsperstrip=5)
tifffile.imwrite("tiles.tif", grey16, photometric="minisblack", tile=(16, 16), compression="zlib")
tifffile.imwrite("colour.tif", colour, photometric="rgb")
tifffile.imwrite("real.tif", grey16.astype("float32"), photometric="minisblack")
