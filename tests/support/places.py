"""A small PAN and MS that lie where they are told to."""

import numpy as np

FINE = np.arange(48 * 48, dtype=np.uint16).reshape(1, 48, 48)
COARSE = np.arange(2 * 144, dtype=np.uint16).reshape(2, 12, 12)
PLACE = (500000.0, 5600000.0)
UTM = "EPSG:32631"
